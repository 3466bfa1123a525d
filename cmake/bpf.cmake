# SPDX-License-Identifier: Apache-2.0
# Builds the kernel side. No kernel's BTF is needed: the object is relocated when it is loaded.
#
#   fangs_bpf(sensor_bpf SOURCE sensor.bpf.c HEADERS files.bpf.h ... RECORDS records.h)
#
# makes the target sensor_bpf, whose users include "sensor_bpf.skel.h" and the records header.
find_program(FANGS_BPF_CLANG NAMES clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19
  REQUIRED DOC "Compiler of the kernel side: clang 14 or newer")
find_program(FANGS_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED
  DOC "Generator of the skeleton: Debian's package bpftool")
find_program(FANGS_LLVM_STRIP NAMES llvm-strip llvm-strip-14 llvm-strip-15 llvm-strip-16
  llvm-strip-17 llvm-strip-18 llvm-strip-19 REQUIRED DOC "Removes debug data, keeps BTF")

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(FANGS_BPF_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(FANGS_BPF_ARCH arm64)
else()
  message(FATAL_ERROR "bpf: no system call table for '${CMAKE_SYSTEM_PROCESSOR}' "
    "(bpf/calls.bpf.h knows x86-64 and arm64)")
endif()

set(FANGS_BPF_FLAGS -std=gnu17 -O2 -g -target bpf -D__TARGET_ARCH_${FANGS_BPF_ARCH}
  -isystem /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
  -Wall -Wextra -Werror
  -Wno-unused-parameter) # BPF_PROG() declares the raw context of every program

function(fangs_bpf name)
  cmake_parse_arguments(ARG "" "SOURCE" "HEADERS;INCLUDES" ${ARGN})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  set(directory ${CMAKE_BINARY_DIR}/generated)
  list(TRANSFORM ARG_INCLUDES PREPEND -I OUTPUT_VARIABLE includes)
  set(skeleton ${directory}/${name}.skel.h)
  set(inputs ${ARG_SOURCE} ${ARG_HEADERS})
  list(TRANSFORM inputs PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${FANGS_BPF_CLANG} ${FANGS_BPF_FLAGS} ${includes}
      -c ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SOURCE} -o ${object}
    COMMAND ${FANGS_LLVM_STRIP} -g ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${directory}
    # Generated code is not ours to lint.
    COMMAND ${CMAKE_COMMAND} -E echo "/* NOLINTBEGIN */" > ${skeleton}
    COMMAND ${FANGS_BPFTOOL} gen skeleton ${object} name ${name} >> ${skeleton}
    COMMAND ${CMAKE_COMMAND} -E echo "/* NOLINTEND */" >> ${skeleton}
    DEPENDS ${inputs} VERBATIM COMMENT "BPF ${name}")
  add_custom_target(${name}_skeleton DEPENDS ${skeleton})
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_skeleton)
  # SYSTEM: the generated code is not ours to warn about.
  target_include_directories(${name} SYSTEM INTERFACE ${directory})
  target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
endfunction()

# Is the object of clang `version`, if that is installed, one that the verifier takes?
function(fangs_bpf_compiler_test version)
  cmake_parse_arguments(ARG "" "SOURCE" "" ${ARGN})
  find_program(FANGS_CLANG_${version} NAMES clang-${version})
  if(NOT FANGS_CLANG_${version})
    return()
  endif()
  set(test bpf_clang_${version})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${test}.o)
  add_test(NAME ${test}_compiles COMMAND ${FANGS_CLANG_${version}} ${FANGS_BPF_FLAGS}
    -c ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SOURCE} -o ${object})
  add_test(NAME ${test}_loads COMMAND load_object ${object})
  set_tests_properties(${test}_compiles PROPERTIES FIXTURES_SETUP ${test})
  set_tests_properties(${test}_loads PROPERTIES FIXTURES_REQUIRED ${test} LABELS kernel
    SKIP_RETURN_CODE 77 RUN_SERIAL ON)
endfunction()
