// MongocLibrary: starts libmongoc and ends it. main() owns exactly one, made before and destroyed after everything that
// talks to a server.
#pragma once

namespace dualsync {

// While one lives, libmongoc's own log goes to ours at debug level, without credentials: it has one receiver in a
// process. Afterwards to standard error again.
class MongocLog {
 public:
  MongocLog();
  ~MongocLog();
  MongocLog(const MongocLog&) = delete;
  MongocLog& operator=(const MongocLog&) = delete;
};

class MongocLibrary {
 public:
  MongocLibrary();
  MongocLibrary(const MongocLibrary&) = delete;
  MongocLibrary& operator=(const MongocLibrary&) = delete;

 private:
  struct Started {
    Started();
    ~Started();
  };
  const Started started_;
  const MongocLog log_;
};

}  // namespace dualsync
