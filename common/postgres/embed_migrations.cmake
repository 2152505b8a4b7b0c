# Puts migrations (NNNN_name.sql) into a target. Two uses: included by CMakeLists it defines
# tarn_embed_migrations(TARGET NAMESPACE FILES...), run as a script (cmake -P) it writes the sources.
#
#   tarn_embed_migrations(tarn_catalog tarn::catalog migrations/0001_tables.sql)
#
# gives the target <its folder>/migrations.h with `std::span<const Migration> Migrations()` in the
# namespace, and links tarn_common_postgres.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(TARN_EMBED_MIGRATIONS_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(tarn_embed_migrations TARGET NAMESPACE)
    file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
    set(stem ${CMAKE_BINARY_DIR}/gen/${folder}/migrations)
    set(files)
    foreach(file IN LISTS ARGN)
      list(APPEND files ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    endforeach()
    # A list goes through the command line with its semicolons replaced.
    string(REPLACE ";" "|" joined "${files}")
    add_custom_command(
      OUTPUT ${stem}.cc ${stem}.h
      COMMAND ${CMAKE_COMMAND} -DSTEM=${stem} -DFOLDER=${folder} -DNAMESPACE=${NAMESPACE}
        "-DFILES=${joined}" -P ${TARN_EMBED_MIGRATIONS_SCRIPT}
      DEPENDS ${files} ${TARN_EMBED_MIGRATIONS_SCRIPT}
      VERBATIM)
    target_sources(${TARGET} PRIVATE ${stem}.cc ${stem}.h)
    target_link_libraries(${TARGET} PUBLIC tarn_common_postgres)
  endfunction()
  return()
endif()

string(REPLACE "|" ";" FILES "${FILES}")
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_[a-z0-9_]+$")
    message(FATAL_ERROR "${file}: a migration is called NNNN_name.sql")
  endif()
  math(EXPR number "1${CMAKE_MATCH_1} - 10000")
  file(READ ${file} sql)
  string(APPEND entries "    {${number}, \"${name}\", R\"tarn_sql(${sql})tarn_sql\"},\n")
endforeach()
set(note "// Made by common/postgres/embed_migrations.cmake; do not edit.\n")
file(WRITE ${STEM}.h "${note}#pragma once\n\n#include <span>\n\n#include \"common/postgres/migrations.h\"\n
namespace ${NAMESPACE} {\n\nstd::span<const tarn::Migration> Migrations();\n\n}  // namespace ${NAMESPACE}\n")
file(WRITE ${STEM}.cc "${note}#include \"${FOLDER}/migrations.h\"\n
namespace ${NAMESPACE} {\n\nstd::span<const tarn::Migration> Migrations() {
  static constexpr tarn::Migration kMigrations[] = {\n${entries}  };\n  return kMigrations;\n}\n
}  // namespace ${NAMESPACE}\n")
