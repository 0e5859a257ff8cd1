// What of the library an application may see.
#pragma once

#define DUALSYNC_API __attribute__((visibility("default")))
