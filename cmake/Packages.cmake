# Packages by `cpack`: for Debian dualsync (the program and its service), libdualsync<major>.<minor> and libdualsync-dev,
# and one archive with all of it.
#
# What belongs outside the prefix (/etc, the service) is left out of a plain `cmake --install` and of the archive, which
# have it among the documents instead: what is in no component is in no Debian package.
include(GNUInstallDirs)

set(package_work ${CMAKE_BINARY_DIR}/packages)
file(MAKE_DIRECTORY ${package_work})
foreach(page man/dualsync.1 deb/changelog ../CHANGELOG.md)
  cmake_path(GET page FILENAME name)
  file(COPY_FILE ${CMAKE_SOURCE_DIR}/packaging/${page} ${package_work}/${name} ONLY_IF_DIFFERENT)
  execute_process(COMMAND gzip -9 -n -k -f ${name} WORKING_DIRECTORY ${package_work} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

install(TARGETS dualsync RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool)
install(FILES ${package_work}/dualsync.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tool)
install(FILES packaging/completions/dualsync.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME dualsync COMPONENT tool)
install(FILES packaging/completions/_dualsync DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT tool)
install(FILES docs/settings.md docs/roles.md docs/alerts.md packaging/grafana/dualsync.json
              packaging/prometheus/alerts.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/dualsync COMPONENT tool)
install(FILES packaging/systemd/dualsync.service packaging/deb/dualsync.env docs/packages.md LICENSE CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/dualsync)
install(FILES packaging/systemd/dualsync.service DESTINATION /lib/systemd/system COMPONENT tool EXCLUDE_FROM_ALL)
install(FILES packaging/deb/dualsync.env DESTINATION /etc/dualsync COMPONENT tool EXCLUDE_FROM_ALL)
# The daemon reads `.env` in its working directory.
install(CODE "
  if(CMAKE_INSTALL_COMPONENT STREQUAL \"tool\" AND NOT \"\$ENV{DESTDIR}\" STREQUAL \"\")
    file(CREATE_LINK dualsync.env \"\$ENV{DESTDIR}/etc/dualsync/.env\" SYMBOLIC)
  endif()" COMPONENT tool EXCLUDE_FROM_ALL)
foreach(component_and_package tool=dualsync library=libdualsync${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} development=libdualsync-dev)
  string(REPLACE "=" ";" pair ${component_and_package})
  list(GET pair 0 component)
  list(GET pair 1 package)
  install(FILES packaging/deb/copyright ${package_work}/changelog.gz ${package_work}/CHANGELOG.md.gz
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/cmake/PackageArchive.cmake)
set(CPACK_PACKAGE_NAME dualsync)
set(CPACK_PACKAGE_FILE_NAME dualsync-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
# No address of anybody: there is no mailbox of the project's own.
set(CPACK_PACKAGE_CONTACT "dualsync maintainers <dualsync@example.invalid>")
set(CPACK_PACKAGE_DIRECTORY ${package_work})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL tool library development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/src/dualsync/embed)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_TOOL_PACKAGE_NAME dualsync)
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION database)
set(CPACK_DEBIAN_TOOL_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_TOOL_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_TOOL_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/packaging/deb/postinst;${CMAKE_SOURCE_DIR}/packaging/deb/prerm;${CMAKE_SOURCE_DIR}/packaging/deb/postrm;${CMAKE_SOURCE_DIR}/packaging/deb/conffiles")
set(CPACK_DEBIAN_TOOL_DESCRIPTION "Mirrors a local MongoDB to an Atlas cluster or another MongoDB, over a link
that comes and goes; compares both byte for byte, and restores.")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libdualsync${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA "${CMAKE_SOURCE_DIR}/packaging/deb/triggers")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "This is the shared library for C++ applications: the mirror and a middleware
for libmongoc.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libdualsync-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${CPACK_DEBIAN_LIBRARY_PACKAGE_NAME} (= ${PROJECT_VERSION}), libmongoc-dev")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "This is what is needed to build an application with libdualsync.")
include(CPack)
