#include "support/forgetful_env.h"

#include <algorithm>
#include <cstring>

namespace dualsync::test {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

Slice part(const std::string& data, std::uint64_t offset, std::size_t n, char* scratch) {
  if (offset >= data.size()) return {};
  const std::size_t length = std::min(n, data.size() - offset);
  std::memcpy(scratch, data.data() + offset, length);
  return {scratch, length};
}

class Sequential final : public rocksdb::SequentialFile {
 public:
  explicit Sequential(std::shared_ptr<ForgetfulEnv::File> file) : file_(std::move(file)) {}
  Status Read(std::size_t n, Slice* result, char* scratch) override {
    const std::lock_guard lock(file_->mutex);
    *result = part(file_->data, at_, n, scratch);
    at_ += result->size();
    return Status::OK();
  }
  Status Skip(std::uint64_t n) override {
    at_ += n;
    return Status::OK();
  }

 private:
  std::shared_ptr<ForgetfulEnv::File> file_;
  std::uint64_t at_ = 0;
};

class RandomAccess final : public rocksdb::RandomAccessFile {
 public:
  explicit RandomAccess(std::shared_ptr<ForgetfulEnv::File> file) : file_(std::move(file)) {}
  Status Read(std::uint64_t offset, std::size_t n, Slice* result, char* scratch) const override {
    const std::lock_guard lock(file_->mutex);
    *result = part(file_->data, offset, n, scratch);
    return Status::OK();
  }

 private:
  std::shared_ptr<ForgetfulEnv::File> file_;
};

class Writable final : public rocksdb::WritableFile {
 public:
  Writable(const ForgetfulEnv& env, std::shared_ptr<ForgetfulEnv::File> file) : env_(env), file_(std::move(file)) {}
  Status Append(const Slice& data) override { return env_.append(*file_, data); }
  Status Append(const Slice& data, const rocksdb::DataVerificationInfo&) override { return Append(data); }
  Status Close() override { return Status::OK(); }
  Status Flush() override { return Status::OK(); }
  Status Sync() override {
    const Status status = env_.writable();
    const std::lock_guard lock(file_->mutex);
    if (status.ok()) file_->synced = file_->data.size();
    return status;
  }
  bool IsSyncThreadSafe() const override { return true; }
  Status Truncate(std::uint64_t size) override {
    const std::lock_guard lock(file_->mutex);
    file_->data.resize(size);
    file_->synced = std::min(file_->synced, file_->data.size());
    return Status::OK();
  }
  std::uint64_t GetFileSize() override {
    const std::lock_guard lock(file_->mutex);
    return file_->data.size();
  }

 private:
  const ForgetfulEnv& env_;
  std::shared_ptr<ForgetfulEnv::File> file_;
};

class Folder final : public rocksdb::Directory {
 public:
  Status Fsync() override { return Status::OK(); }
};

class Silent final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

class Lock final : public rocksdb::FileLock {};

}  // namespace

Status ForgetfulEnv::writable() const {
  if (dead_) return Status::IOError("the process is dead");
  if (full_) return Status::IOError("the disk is full");
  return Status::OK();
}

Status ForgetfulEnv::append(File& file, const Slice& data) const {
  const Status status = writable();
  const std::lock_guard lock(file.mutex);
  // A full disk takes the first part of a write.
  if (status.ok() || (full_ && !dead_)) file.data.append(data.data(), status.ok() ? data.size() : data.size() / 2);
  return status;
}

std::shared_ptr<ForgetfulEnv::File> ForgetfulEnv::find(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(name);
  return found == files_.end() ? nullptr : found->second;
}

void ForgetfulEnv::power_cut(const std::function<std::size_t(std::size_t)>& keep) {
  const std::lock_guard lock(mutex_);
  for (auto it = files_.begin(); it != files_.end();) {
    File& file = *it->second;
    const std::size_t unsynced = file.data.size() - file.synced;
    if (unsynced > 0) file.data.resize(file.synced + std::min(unsynced, keep(unsynced)));
    const bool gone = file.data.empty() && unsynced > 0;
    file.synced = file.data.size();
    it = gone ? files_.erase(it) : std::next(it);
  }
}

void ForgetfulEnv::run_jobs() {
  for (;;) {
    Job job{};
    {
      const std::lock_guard lock(mutex_);
      if (jobs_.empty()) return;
      job = jobs_.front();
      jobs_.pop_front();
    }
    job.function(job.argument);
  }
}

void ForgetfulEnv::Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                            void (*unschedule)(void*)) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back({function, argument, tag, unschedule, priority});
}

int ForgetfulEnv::UnSchedule(void* tag, Priority priority) {
  std::deque<Job> taken;
  {
    const std::lock_guard lock(mutex_);
    std::deque<Job> others;
    for (const Job& job : jobs_) (job.tag == tag && job.priority == priority ? taken : others).push_back(job);
    jobs_ = std::move(others);
  }
  for (const Job& job : taken) {
    if (job.unschedule != nullptr) job.unschedule(job.argument);
  }
  return static_cast<int>(taken.size());
}

Status ForgetfulEnv::NewSequentialFile(const std::string& name, std::unique_ptr<rocksdb::SequentialFile>* result,
                                       const rocksdb::EnvOptions&) {
  auto file = find(name);
  if (!file) return Status::PathNotFound(name);
  *result = std::make_unique<Sequential>(std::move(file));
  return Status::OK();
}

Status ForgetfulEnv::NewRandomAccessFile(const std::string& name, std::unique_ptr<rocksdb::RandomAccessFile>* result,
                                         const rocksdb::EnvOptions&) {
  auto file = find(name);
  if (!file) return Status::PathNotFound(name);
  *result = std::make_unique<RandomAccess>(std::move(file));
  return Status::OK();
}

Status ForgetfulEnv::NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* result,
                                     const rocksdb::EnvOptions&) {
  const Status status = writable();
  if (!status.ok()) return status;
  auto file = std::make_shared<File>();
  {
    const std::lock_guard lock(mutex_);
    files_[name] = file;
  }
  *result = std::make_unique<Writable>(*this, std::move(file));
  return Status::OK();
}

Status ForgetfulEnv::ReopenWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* result,
                                        const rocksdb::EnvOptions& options) {
  auto file = find(name);
  if (!file) return NewWritableFile(name, result, options);
  *result = std::make_unique<Writable>(*this, std::move(file));
  return Status::OK();
}

Status ForgetfulEnv::ReuseWritableFile(const std::string& name, const std::string& old_name,
                                       std::unique_ptr<rocksdb::WritableFile>* result,
                                       const rocksdb::EnvOptions& options) {
  const Status status = RenameFile(old_name, name);
  return status.ok() ? NewWritableFile(name, result, options) : status;
}

Status ForgetfulEnv::NewDirectory(const std::string&, std::unique_ptr<rocksdb::Directory>* result) {
  *result = std::make_unique<Folder>();
  return Status::OK();
}

Status ForgetfulEnv::FileExists(const std::string& name) { return find(name) ? Status::OK() : Status::NotFound(name); }

Status ForgetfulEnv::GetChildren(const std::string& directory, std::vector<std::string>* names) {
  const std::string prefix = directory.ends_with('/') ? directory : directory + "/";
  const std::lock_guard lock(mutex_);
  names->clear();
  for (const auto& [name, file] : files_) {
    if (name.starts_with(prefix)) names->push_back(name.substr(prefix.size()));
  }
  return Status::OK();
}

Status ForgetfulEnv::DeleteFile(const std::string& name) {
  if (dead_) return Status::IOError("the process is dead");
  const std::lock_guard lock(mutex_);
  return files_.erase(name) > 0 ? Status::OK() : Status::PathNotFound(name);
}

Status ForgetfulEnv::Truncate(const std::string& name, std::size_t size) {
  auto file = find(name);
  if (!file) return Status::PathNotFound(name);
  const std::lock_guard lock(file->mutex);
  file->data.resize(size);
  file->synced = std::min(file->synced, size);
  return Status::OK();
}

Status ForgetfulEnv::GetFileSize(const std::string& name, std::uint64_t* size) {
  const auto file = find(name);
  if (!file) return Status::PathNotFound(name);
  const std::lock_guard lock(file->mutex);
  *size = file->data.size();
  return Status::OK();
}

Status ForgetfulEnv::GetFileModificationTime(const std::string&, std::uint64_t* time) {
  *time = 0;
  return Status::OK();
}

Status ForgetfulEnv::RenameFile(const std::string& from, const std::string& to) {
  if (dead_) return Status::IOError("the process is dead");
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(from);
  if (found == files_.end()) return Status::PathNotFound(from);
  files_[to] = found->second;
  files_.erase(from);
  return Status::OK();
}

Status ForgetfulEnv::NewLogger(const std::string&, std::shared_ptr<rocksdb::Logger>* logger) {
  *logger = std::make_shared<Silent>();
  return Status::OK();
}

Status ForgetfulEnv::LockFile(const std::string&, rocksdb::FileLock** lock) {
  *lock = new Lock();
  return Status::OK();
}

Status ForgetfulEnv::UnlockFile(rocksdb::FileLock* lock) {
  delete lock;
  return Status::OK();
}

}  // namespace dualsync::test
