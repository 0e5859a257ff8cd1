// A closed queue's directory, to be looked at and damaged.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dualsync/queue/rocks_store.h"

namespace dualsync::test {

class RawQueue {
 public:
  explicit RawQueue(const std::string& directory) : store_(std::move(*RocksStore::open(directory, nullptr))) {}

  void put(rocksdb::ColumnFamilyHandle* family, const std::string& key, const std::string& value) {
    DUALSYNC_CHECK(store_->db()->Put(rocksdb::WriteOptions(), family, key, value).ok());
  }
  void remove(rocksdb::ColumnFamilyHandle* family, const std::string& key) {
    DUALSYNC_CHECK(store_->db()->Delete(rocksdb::WriteOptions(), family, key).ok());
  }
  // The file that holds the operations from now on.
  std::string table_of_operations() {
    DUALSYNC_CHECK(store_->db()->Flush(rocksdb::FlushOptions(), store_->operations()).ok());
    std::vector<rocksdb::LiveFileMetaData> files;
    store_->db()->GetLiveFilesMetaData(&files);
    for (const auto& file : files) {
      if (file.column_family_name == "operations") return file.db_path + file.name;
    }
    return {};
  }
  std::string operation(SeqNo seq) {
    std::string record;
    DUALSYNC_CHECK(store_->db()->Get(rocksdb::ReadOptions(), store_->operations(), seq_key(seq), &record).ok());
    return record;
  }
  std::vector<std::string> records() {
    std::vector<std::string> found;
    const std::unique_ptr<rocksdb::Iterator> it(
        store_->db()->NewIterator(rocksdb::ReadOptions(), store_->operations()));
    for (it->SeekToFirst(); it->Valid(); it->Next()) found.push_back(it->value().ToString());
    return found;
  }
  RocksStore& store() { return *store_; }

 private:
  std::unique_ptr<RocksStore> store_;
};

}  // namespace dualsync::test
