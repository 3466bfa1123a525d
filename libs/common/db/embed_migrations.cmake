# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C file with every .sql file of DIRECTORY as bytes, in order of their names.
file(GLOB files "${DIRECTORY}/*.sql")
list(SORT files COMPARE STRING)
set(arrays "")
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const char sql_${name}[] = {${bytes}0};\n")
  string(APPEND rows "        {\"${name}\", sql_${name}},\n")
endforeach()
file(WRITE "${OUTPUT}.new" "/* Generated from the .sql files of db/migrations. */
#include \"db/migrations.h\"

${arrays}
const struct migration migrations[] = {
${rows}};
const size_t migration_count = sizeof(migrations) / sizeof(migrations[0]);
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
