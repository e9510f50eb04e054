# throng_plugin(NAME SOURCES a.cc...): a shared library NAME.so that throng-worker can load. It exports
# throng_plugin_v1 and nothing else, and has no undefined symbols but those of the libraries it links.
# Link further libraries with target_link_libraries(NAME PRIVATE ...).

function(throng_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "throng_plugin(${name}): write throng_plugin(NAME SOURCES file...).")
  endif()
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/ThrongPlugin.map)
  add_library(${name} MODULE ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${exports})
  target_compile_features(${name} PRIVATE c_std_11 cxx_std_20)
  # A GNU_UNIQUE symbol would keep the library mapped for ever: dlclose then does nothing.
  target_compile_options(${name} PRIVATE
    -ffp-contract=off $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE
    LINKER:-z,defs LINKER:--version-script=${exports})
  target_link_libraries(${name} PRIVATE Throng::Plugin)
endfunction()
