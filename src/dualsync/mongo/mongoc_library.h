// MongocLibrary: starts libmongoc and ends it. main() owns exactly one, made before and destroyed after everything that
// talks to a server. libmongoc's own log goes to our log at debug level, without credentials.
#pragma once

namespace dualsync {

class MongocLibrary {
 public:
  MongocLibrary();
  ~MongocLibrary();
  MongocLibrary(const MongocLibrary&) = delete;
  MongocLibrary& operator=(const MongocLibrary&) = delete;
};

}  // namespace dualsync
