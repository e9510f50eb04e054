// Texts of specs, arbitrarily broken: read, checked and taken as far as a run without plugins
// comes. Bytes 0 separate layers.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proto/utf8.h"
#include "server/delivery/run.h"
#include "server/host/catalogue.h"
#include "server/spec/reader.h"
#include "server/spec/tree.h"

namespace throng {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Take(std::string_view text) {
  std::vector<SpecLayer> layers;
  while (true) {
    const size_t end = std::min(text.find('\0'), text.size());
    layers.push_back({"fuzz.yaml", std::string(text.substr(0, end))});
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  Problems problems;
  const auto spec = ReadSpec(layers, &problems);
  Require(spec.has_value() || !problems.empty());
  if (spec) {
    static const Catalogue kNothing = Catalogue::FromIndex({}, {});
    const Environment environment;
    constexpr int64_t kNowMs = 1'700'000'000'000;
    if (problems.empty()) {
      Require(Run::Create(*spec, kNothing, environment, kNowMs, &problems) == nullptr);
    } else {
      Run::CheckComponents(*spec, kNothing, environment, kNowMs, &problems);
    }
    Require(!problems.empty());  // no component is there
  }
  for (const Problem& problem : problems) {
    Require(!problem.message.empty());
    Require(FindInvalidUtf8(problem.field + problem.message) == std::string::npos);
  }
}

}  // namespace
}  // namespace throng

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
  throng::Take({reinterpret_cast<const char*>(data), size});
  return 0;
}
