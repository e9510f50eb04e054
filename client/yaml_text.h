// JSON values as YAML that people like to read and that a spec can be made from.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace throng {

// Ends with a newline. Text that YAML would take for something else is quoted, but for the options
// of components, which a spec takes as they are written.
std::string YamlText(const nlohmann::ordered_json& json);

}  // namespace throng
