// The sink `null`: takes everything and keeps nothing, to see how fast the rest is.
#include "throng/sdk.hpp"

namespace {

class NullSink {
 public:
  static constexpr bool kIsDurable = false;
  throng::Opened Open(const throng_target& /*target*/) { return {}; }
  void Write(const throng_records& /*records*/) {}
  void Commit(int64_t /*position*/, std::string_view /*host_state*/) {}
  void Finish(const throng_completion& /*completion*/) {}
};

}  // namespace

THRONG_PLUGIN("null", "1.0.0", "Records to nowhere.",
              throng::Sink<NullSink>("null", "Takes everything and keeps nothing."))
