# Read by cpack for each generator. The archive is one folder that can lie anywhere; the Debian packages install below /usr.
if(CPACK_GENERATOR STREQUAL "TGZ")
  set(CPACK_SET_DESTDIR OFF)
  set(CPACK_PACKAGING_INSTALL_PREFIX /)
  set(CPACK_MONOLITHIC_INSTALL ON)
  set(CPACK_COMPONENTS_ALL "")
  set(CPACK_INCLUDE_TOPLEVEL_DIRECTORY ON)
endif()
