// The plugin contract of plugin.h and source.h for C++20 authors: classes instead of function
// tables, exceptions instead of codes. Header-only; a plugin that uses it links nothing of
// Throng's.
//
// Members that a component's class has, or may have (*); signatures stand at its role:
//
//   any        * struct Options and static DeclareOptions(), static Validate(options)
//   behaviour  made from (options, dataset), or (dataset)      throng/sdk/behaviour.hpp
//              Fill(rows, columns)
//              * Tables(visit), BlockRows(), Columns(table), Side(table, ranks, extra)
//   activity   * Segments(epoch)
//   clock      * Sorts()
//   choice     * Kinds(), Learn(rows), Score(pairs)
//   rating     * LeavesOut(), Learn(rows), Score(pairs)
//   format     made from (options, host), (options), (host) or () throng/sdk/format.hpp
//              Begin(destination), Encode(block, buffer)
//              * End(summary, buffer), kModes
//   sink       made like a format                               throng/sdk/sink.hpp
//              Open(target), Write(records), Commit(position, host_state), Finish(completion)
//              * Peek(target), Reset(target), kModes, kIsDurable
//   source     made like a format                               throng/sdk/source.hpp
//              Open(start), Read(wait_ms, input)
//              * Kept(visit), Probe(visit), kModes
//   decoder    made like a format                               throng/sdk/decoder.hpp
//              Begin(origin), Decode(input, decoded)
//              * kModes
//
// One that may be there and has another signature is a compile error, not ignored. A component's
// options are the members of its nested struct Options: the member's type is the option's type, its
// initializer the default. Throw throng::Error to fail with a sentence.
#ifndef THRONG_SDK_HPP_
#define THRONG_SDK_HPP_

#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include "throng/options.hpp"
#include "throng/plugin.h"
#include "throng/sdk/behaviour.hpp"
#include "throng/sdk/component.hpp"
#include "throng/sdk/decoder.hpp"
#include "throng/sdk/format.hpp"
#include "throng/sdk/sink.hpp"
#include "throng/sdk/source.hpp"

namespace throng::detail {

// The plugin's table; lives as long as the library.
class Plugin {
 public:
  Plugin(const char* name, const char* version, const char* doc,
         std::vector<throng_component> components)
      : components_(std::move(components)) {
    for (const throng_component& component : components_) pointers_.push_back(&component);
    pointers_.push_back(nullptr);
    table_ = {.struct_size = sizeof(throng_plugin),
              .abi_minor = THRONG_ABI_MINOR,
              .host_minor = 0,
              .name = name,
              .version = version,
              .doc = doc,
              .components = pointers_.data()};
  }
  const throng_plugin* table() const { return &table_; }

 private:
  std::vector<throng_component> components_;
  std::vector<const throng_component*> pointers_;
  throng_plugin table_;
};

}  // namespace throng::detail

// Once per plugin, in one source file:
//   THRONG_PLUGIN("zipf", "1.0.0", "Zipf behaviours.", throng::Choice<Zipf>("zipf", "Zipf items."))
// A declaration that cannot be right (an enum's default without a name) is said on stderr.
#define THRONG_PLUGIN(name, version, doc, ...)                                        \
  extern "C" const throng_plugin* throng_plugin_v1(void) {                            \
    try {                                                                             \
      static const throng::detail::Plugin kPlugin(name, version, doc, {__VA_ARGS__}); \
      return kPlugin.table();                                                         \
    } catch (const std::exception& error) {                                           \
      std::fprintf(stderr, "plugin %s: %s\n", name, error.what());                    \
    } catch (...) {                                                                   \
      std::fprintf(stderr, "plugin %s: its declarations threw\n", name);              \
    }                                                                                 \
    return nullptr;                                                                   \
  }

#endif  // THRONG_SDK_HPP_
