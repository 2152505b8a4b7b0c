# The helper functions with which every folder lists its targets.
include(GoogleTest)
include(${CMAKE_SOURCE_DIR}/common/postgres/embed_migrations.cmake)

# One precompiled header for the whole tree: two cores build this, and gRPC alone parses for seconds.
file(WRITE ${CMAKE_BINARY_DIR}/pch/pch.cc.in "// Carries the shared precompiled header.\n")
configure_file(${CMAKE_BINARY_DIR}/pch/pch.cc.in ${CMAKE_BINARY_DIR}/pch/pch.cc COPYONLY)
add_library(tarn_pch STATIC ${CMAKE_BINARY_DIR}/pch/pch.cc)
target_link_libraries(tarn_pch PUBLIC gRPC::grpc++ protobuf::libprotobuf absl::status absl::statusor
  absl::strings absl::time)
target_precompile_headers(tarn_pch PRIVATE
  <algorithm> <functional> <map> <memory> <optional> <string> <string_view> <utility> <vector>
  <absl/status/status.h> <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/time/time.h>
  <google/protobuf/message.h> <grpcpp/grpcpp.h>)

# tarn_cc_library(NAME tarn_common_status SRCS a.cc b.cc [DEPS ...])
function(tarn_cc_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_library(${ARG_NAME} STATIC ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/gen)
  target_link_libraries(${ARG_NAME} PUBLIC ${ARG_DEPS} gRPC::grpc++ absl::status absl::statusor
    absl::strings absl::time PRIVATE tarn_warnings)
  target_precompile_headers(${ARG_NAME} REUSE_FROM tarn_pch)
endfunction()

# tarn_cc_binary(NAME tarn-catalog SRCS main.cc [DEPS ...]): lands in build/bin/.
function(tarn_cc_binary)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/gen)
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} gRPC::grpc++ tarn_warnings)
  target_precompile_headers(${ARG_NAME} REUSE_FROM tarn_pch)
endfunction()

# tarn_cc_test(NAME common_status_test SRCS status_test.cc [DEPS ...] [TIMEOUT seconds] [LABELS ...])
# One executable for each name; a gtest main is linked in. A test that needs PostgreSQL is called *_pgtest.
function(tarn_cc_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(TARN_SANITIZE)
    # Instrumented code takes a few times as long.
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 4")
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/gen)
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} gRPC::grpc++ GTest::gtest GTest::gmock
    GTest::gtest_main tarn_warnings)
  target_precompile_headers(${ARG_NAME} REUSE_FROM tarn_pch)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${ARG_NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# tarn_proto_library(NAME tarn_catalog_proto ROOT dir PROTOS path/below/root.proto ... [DEPS ...])
# A file called *_service.proto gets gRPC stubs as well. Headers land in build/gen, by the protos' own paths.
function(tarn_proto_library)
  cmake_parse_arguments(ARG "" "NAME;ROOT" "PROTOS;DEPS" ${ARGN})
  set(gen ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${gen})
  set(outputs)
  foreach(proto IN LISTS ARG_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(out ${gen}/${stem}.pb.cc ${gen}/${stem}.pb.h)
    set(grpc_flags)
    if(proto MATCHES "_service\\.proto$")
      list(APPEND out ${gen}/${stem}.grpc.pb.cc ${gen}/${stem}.grpc.pb.h)
      set(grpc_flags --grpc_out=${gen} --plugin=protoc-gen-grpc=${TARN_GRPC_CPP_PLUGIN})
    endif()
    add_custom_command(
      OUTPUT ${out}
      COMMAND ${TARN_PROTOC} -I${ARG_ROOT} -I${CMAKE_SOURCE_DIR}/proto -I${TARN_GOOGLE_PROTOS} --cpp_out=${gen} ${grpc_flags} ${proto}
      DEPENDS ${ARG_ROOT}/${proto}
      WORKING_DIRECTORY ${ARG_ROOT}
      VERBATIM)
    list(APPEND outputs ${out})
  endforeach()
  add_library(${ARG_NAME} STATIC ${outputs})
  target_include_directories(${ARG_NAME} PUBLIC ${gen})
  target_link_libraries(${ARG_NAME} PUBLIC ${ARG_DEPS} gRPC::grpc++ protobuf::libprotobuf)
  target_precompile_headers(${ARG_NAME} REUSE_FROM tarn_pch)
endfunction()
