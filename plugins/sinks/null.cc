// The sink `null`: takes everything and keeps nothing, to see how fast the rest is.
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

class NullSink {
 public:
  static constexpr bool kIsDurable = false;
  Opened Open(const throng_target& /*target*/) { return {}; }
  void Write(const throng_records& /*records*/) {}
  void Commit(int64_t /*position*/, std::string_view /*host_state*/) {}
  void Finish(const throng_completion& /*completion*/) {}
};

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("null", THRONG_VERSION, "Records to nowhere.",
              throng::Sink<throng::plugins::NullSink>("null",
                                                      "Takes everything and keeps nothing."))
