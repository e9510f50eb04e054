# find_package(ThrongPlugin): the target Throng::Plugin (the headers) and the function throng_plugin().
get_filename_component(_throng_prefix ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
if(NOT TARGET Throng::Plugin)
  add_library(Throng::Plugin INTERFACE IMPORTED)
  set_target_properties(Throng::Plugin PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${_throng_prefix}/include)
endif()
unset(_throng_prefix)
include(${CMAKE_CURRENT_LIST_DIR}/ThrongPlugin.cmake)
