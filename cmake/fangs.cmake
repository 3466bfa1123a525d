# SPDX-License-Identifier: Apache-2.0
# How a folder declares what it builds.
#
#   fangs_library(db SOURCES db.c migrate.c DEPENDS base config PkgConfig::LIBPQ)
#   fangs_program(fangs-differ SOURCES main.c ... DEPENDS service bus)
#   fangs_test(buf_test SOURCES buf_test.c DEPENDS base)     # cmocka
#   fangs_fuzzer(event_wire SOURCES event_wire_fuzz.c DEPENDS model)

option(FANGS_WERROR "Treat compiler warnings as errors" ON)
option(FANGS_FUZZ "Build the libFuzzer targets (clang)" OFF)
set(FANGS_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=")

add_library(fangs_flags INTERFACE)
target_compile_options(fangs_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
  -fstack-protector-strong -fno-common $<$<BOOL:${FANGS_WERROR}>:-Werror>)
target_compile_definitions(fangs_flags INTERFACE _GNU_SOURCE FANGS_VERSION="${PROJECT_VERSION}")
if(NOT FANGS_SANITIZE)
  target_compile_definitions(fangs_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
target_link_options(fangs_flags INTERFACE -Wl,-z,relro,-z,now)
if(FANGS_SANITIZE)
  target_compile_options(fangs_flags INTERFACE -fsanitize=${FANGS_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(fangs_flags INTERFACE -fsanitize=${FANGS_SANITIZE})
endif()

function(fangs_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/libs/common)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE fangs_flags)
endfunction()

function(fangs_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} fangs_flags)
endfunction()

function(fangs_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} PkgConfig::CMOCKA fangs_flags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  # 77: the test needs a server (FANGS_TEST_DB_URL...) that is not given.
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()

function(fangs_fuzzer name)
  if(NOT FANGS_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name}_fuzz ${ARG_SOURCES})
  target_include_directories(${name}_fuzz PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name}_fuzz PRIVATE ${ARG_DEPENDS} fangs_flags -fsanitize=fuzzer)
  set_target_properties(${name}_fuzz PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
