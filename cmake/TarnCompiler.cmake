# Compiler, linker and cache settings that hold for every target.
# One form of code for libraries and programs alike, so that all share the precompiled header.
add_compile_options(-fPIC)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# -O2 instead of CMake's -O3: the engine, which comes built, does the heavy loops.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

# The interface target that our own code links; generated code does without its warnings.
add_library(tarn_warnings INTERFACE)
target_compile_options(tarn_warnings INTERFACE
  -Wall -Wextra -Wshadow=local -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers)
# Kept in the cache, so that a build folder does not change its flags with the shell that it is built from.
set(werror_default OFF)
if(DEFINED ENV{CI})
  set(werror_default ON)
endif()
option(TARN_WERROR "Warnings are errors; on in CI" ${werror_default})
if(TARN_WERROR)
  # GCC 12 reports these, from its optimizer, in correct code of std::string, std::optional and std::variant.
  target_compile_options(tarn_warnings INTERFACE -Werror -Wno-error=restrict -Wno-error=array-bounds
    -Wno-error=stringop-overflow -Wno-error=stringop-overread -Wno-error=maybe-uninitialized
    -Wno-error=dangling-pointer -Wno-error=free-nonheap-object)
endif()

if(TARN_FAILPOINTS)
  add_compile_definitions(TARN_FAILPOINTS=1)
endif()

if(TARN_SANITIZE)
  add_compile_options(-fsanitize=${TARN_SANITIZE} -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=${TARN_SANITIZE})
endif()

find_program(TARN_CCACHE ccache)
if(TARN_CCACHE)
  # A precompiled header can be cached only with these; paths are kept relative so that clones share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true ${TARN_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()

find_program(TARN_MOLD mold)
if(TARN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
