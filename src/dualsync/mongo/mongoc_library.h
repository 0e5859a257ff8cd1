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

// Our own log gets every line, that of the start too. The counters that libmongoc keeps in a file of /dev/shm lose
// their name: a killed process would leave it for good, and libmongoc would warn another one that gets its number, on
// standard error.
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
  const MongocLog log_;  // first: starting writes lines too
  const Started started_;
};

}  // namespace dualsync
