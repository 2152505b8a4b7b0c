// Every service of every module, by descriptor, and which module serves it. Links the protos of all
// six modules, so that reflection and the HTTP gateway know them. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class MethodDescriptor;
}

namespace tarn::dashboard {

// Makes sure that the descriptors are linked; the full names of all services.
const std::vector<std::string>& ApiServices();

// The module of a path "/tarn.<module>.v1.Service/Method", or nothing. Goes by the package alone:
// a module that is newer than this program may have more methods.
std::optional<std::string> ModuleOfPath(std::string_view path);

// The method of such a path, or null when no module has it.
const google::protobuf::MethodDescriptor* FindMethod(std::string_view path);

// What to tell somebody who called a path that nobody serves.
std::string UnknownPathMessage(std::string_view path);

}  // namespace tarn::dashboard
