// A disk in memory for RocksDB that behaves like a bad day: it forgets at a power cut what was not synced, gets full,
// and takes nothing from a process that is dead.
//
// Shape    a power cut keeps, of each file, what was synced and a part of the rest that the caller chooses, as a disk
//          may; names of files (create, rename, delete) are kept as they are
// Threads  RocksDB's background jobs are kept until run_jobs(), so that a run is the same every time; files have a lock
#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dualsync::test {

class ForgetfulEnv final : public rocksdb::EnvWrapper {
 public:
  ForgetfulEnv() : rocksdb::EnvWrapper(rocksdb::Env::Default()) {}

  // `keep(n)`: how many of a file's n unsynced bytes the disk had written by itself.
  void power_cut(const std::function<std::size_t(std::size_t)>& keep);
  void set_full(bool full) { full_ = full; }
  // From now on nothing that the process does reaches the disk; false: a new process.
  void set_dead(bool dead) { dead_ = dead; }
  void run_jobs();

  struct File {
    std::mutex mutex;
    std::string data;
    std::size_t synced = 0;
  };
  rocksdb::Status writable() const;
  rocksdb::Status append(File& file, const rocksdb::Slice& data) const;

  const char* Name() const override { return "ForgetfulEnv"; }
  rocksdb::Status NewSequentialFile(const std::string& name, std::unique_ptr<rocksdb::SequentialFile>* result,
                                    const rocksdb::EnvOptions& options) override;
  rocksdb::Status NewRandomAccessFile(const std::string& name, std::unique_ptr<rocksdb::RandomAccessFile>* result,
                                      const rocksdb::EnvOptions& options) override;
  rocksdb::Status NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* result,
                                  const rocksdb::EnvOptions& options) override;
  rocksdb::Status ReopenWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* result,
                                     const rocksdb::EnvOptions& options) override;
  rocksdb::Status ReuseWritableFile(const std::string& name, const std::string& old_name,
                                    std::unique_ptr<rocksdb::WritableFile>* result,
                                    const rocksdb::EnvOptions& options) override;
  rocksdb::Status NewDirectory(const std::string& name, std::unique_ptr<rocksdb::Directory>* result) override;
  rocksdb::Status FileExists(const std::string& name) override;
  rocksdb::Status GetChildren(const std::string& directory, std::vector<std::string>* names) override;
  rocksdb::Status GetChildrenFileAttributes(const std::string& directory, std::vector<FileAttributes>* found) override {
    return rocksdb::Env::GetChildrenFileAttributes(directory, found);
  }
  rocksdb::Status DeleteFile(const std::string& name) override;
  rocksdb::Status Truncate(const std::string& name, std::size_t size) override;
  rocksdb::Status CreateDir(const std::string&) override { return writable(); }
  rocksdb::Status CreateDirIfMissing(const std::string&) override { return writable(); }
  rocksdb::Status DeleteDir(const std::string&) override { return writable(); }
  rocksdb::Status GetFileSize(const std::string& name, std::uint64_t* size) override;
  rocksdb::Status GetFileModificationTime(const std::string& name, std::uint64_t* time) override;
  rocksdb::Status RenameFile(const std::string& from, const std::string& to) override;
  rocksdb::Status LinkFile(const std::string&, const std::string&) override {
    return rocksdb::Status::NotSupported("links");
  }
  rocksdb::Status LockFile(const std::string&, rocksdb::FileLock** lock) override;
  rocksdb::Status UnlockFile(rocksdb::FileLock* lock) override;
  rocksdb::Status NewLogger(const std::string&, std::shared_ptr<rocksdb::Logger>* logger) override;
  rocksdb::Status GetAbsolutePath(const std::string& name, std::string* path) override {
    *path = name;
    return rocksdb::Status::OK();
  }
  void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                void (*unschedule)(void*)) override;
  int UnSchedule(void* tag, Priority priority) override;
  void SleepForMicroseconds(int) override {}

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    void* tag;
    void (*unschedule)(void*);
    Priority priority;
  };
  std::shared_ptr<File> find(const std::string& name);

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<File>> files_;
  std::deque<Job> jobs_;
  std::atomic<bool> full_{false};
  std::atomic<bool> dead_{false};
};

}  // namespace dualsync::test
