# Interface targets that every target of ours links: language options, warnings, sanitizers.
add_library(dualsync_options INTERFACE)
target_compile_features(dualsync_options INTERFACE cxx_std_20)
target_include_directories(dualsync_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)

# Without -Wnull-dereference: g++ 12 reports it inside std::string and CLI11, where there is nothing to mend.
option(DUALSYNC_WERROR "Warnings are errors" OFF)
target_compile_options(dualsync_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wcast-align -Wunused -Woverloaded-virtual
  -Wdouble-promotion -Wformat=2 -Werror=unused-result
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op -Wmisleading-indentation>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  $<$<BOOL:${DUALSYNC_WERROR}>:-Werror>)

set(DUALSYNC_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined or thread")
if(DUALSYNC_SANITIZE)
  # -g1: lines for stack traces, without the types that make half of an object file.
  target_compile_options(dualsync_options INTERFACE
    -fsanitize=${DUALSYNC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  # clang passes a bson_iter_t, which wants 128 bytes, by value on a stack that is not aligned to that.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND DUALSYNC_SANITIZE MATCHES undefined)
    target_compile_options(dualsync_options INTERFACE -fno-sanitize=alignment)
  endif()
  target_link_options(dualsync_options INTERFACE -fsanitize=${DUALSYNC_SANITIZE})
  if(DUALSYNC_SANITIZE STREQUAL "thread")
    target_link_options(dualsync_options INTERFACE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/tsan_exports.map)
  endif()
else()
  # Hardening: none of these costs anything measurable here.
  target_compile_options(dualsync_options INTERFACE -fstack-protector-strong $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
  target_link_options(dualsync_options INTERFACE -Wl,-z,relro,-z,now)
endif()
