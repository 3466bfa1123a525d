# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C file with each of FILES (separated by '|', below DIRECTORY) as bytes.
string(REPLACE "|" ";" files "${FILES}")
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
  file(READ "${DIRECTORY}/${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "static const char file_${number}[] = {${bytes}0};\n")
  string(APPEND rows "        {\"${file}\", file_${number}, sizeof(file_${number}) - 1},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}.new" "/* Generated from the files of ui/. */
#include \"ui.h\"

${arrays}
const struct ui_file ui_files[] = {
${rows}};
const size_t ui_file_count = sizeof(ui_files) / sizeof(ui_files[0]);
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
