// A closed queue's directory, to be looked at and damaged.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dualsync/queue/live_scan.h"

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
    for (rocksdb::ColumnFamilyHandle* family : {store_->operations(), store_->chunks()})
      DUALSYNC_CHECK(store_->db()->Flush(rocksdb::FlushOptions(), family).ok());
    std::vector<rocksdb::LiveFileMetaData> files;
    store_->db()->GetLiveFilesMetaData(&files);
    for (const auto& file : files) {
      if (file.column_family_name == "operations" || file.column_family_name == "chunks")
        return file.db_path + file.name;
    }
    return {};
  }
  // What counts for the operation; in `operations` it then stands over its chunk's.
  std::string operation(SeqNo seq) {
    const LiveScan scan(*store_, seq);
    DUALSYNC_CHECK(scan.valid() && scan.seq() == seq);
    return std::string(scan.record());
  }
  // Without telling the counters.
  void lose(SeqNo seq) {
    const LiveScan scan(*store_, seq);
    DUALSYNC_CHECK(scan.valid() && scan.seq() == seq);
    remove(store_->operations(), seq_key(seq));
    if (scan.chunk() == 0) return;
    const ChunkMask live = scan.chunk_live() & ~Chunk::bit(scan.chunk(), seq);
    put(store_->chunks(), Chunk::live_key(scan.chunk()),
        std::string(reinterpret_cast<const char*>(&live), sizeof live));
  }
  std::vector<std::string> records() {
    std::vector<std::string> found;
    for (LiveScan scan(*store_, 0); scan.valid(); scan.next()) found.emplace_back(scan.record());
    return found;
  }
  RocksStore& store() { return *store_; }

 private:
  std::unique_ptr<RocksStore> store_;
};

}  // namespace dualsync::test
