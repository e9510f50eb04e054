// throng.daemon.v1.Config -> DaemonConfig: defaults and ranges.
#include "server/daemon/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "proto/default_address.h"
#include "proto/option_text.h"
#include "server/spec/message_reader.h"

namespace throng {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kKiB = 1024;
constexpr int64_t kMiB = 1024 * kKiB;
constexpr int64_t kGiB = 1024 * kMiB;
constexpr int64_t kTiB = 1024 * kGiB;

bool IsOnlyComments(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const size_t start = text.substr(0, end).find_first_not_of(" \t\r");
    if (start != std::string_view::npos && text[start] != '#') return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

std::string DefaultStateFolder() {
  if (geteuid() == 0) return "/var/lib/throng";
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string(state) + "/throng";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/state/throng";
  return "";
}

// What is wrong with `listen`, the short form of a listener, if anything is.
std::optional<std::string> ListenMistake(const std::string& address, bool is_insecure) {
  auto mistake = AddressMistake(address);
  if (mistake || SocketPath(address)) return mistake;
  if (!IsLoopback(address)) {
    return fmt::format(
        "TCP is neither encrypted nor does it ask who comes, so only loopback addresses "
        "(localhost, 127.0.0.1, [::1]) can be listened on so, found \"{}\"; name others in "
        "`listeners` of a throngd.yaml, with `tls`.",
        address);
  }
  if (!is_insecure) {
    return "TCP lets in every user of this machine; if that is meant, say so by --insecure or "
           "`insecure: true`, else listen on unix:/PATH.";
  }
  return std::nullopt;
}

// Reads the fields of a Config into a DaemonConfig; what is out of range is a problem.
class Resolver {
 public:
  Resolver(const daemon::v1::Config& config, bool is_insecure_said)
      : config_(config), is_insecure_said_(is_insecure_said) {}

  DaemonConfig Resolve(Problems* problems) {
    problems_ = problems;
    DaemonConfig resolved;
    resolved.given = config_;
    resolved.listeners = Listeners();
    if (config_.has_http()) resolved.http = Http();
    resolved.log.is_json = config_.log().format() == daemon::v1::LOG_FORMAT_JSON;
    if (config_.log().level() != daemon::v1::LOG_LEVEL_UNSPECIFIED) {
      resolved.log.level =
          static_cast<LogLevel>(config_.log().level() - daemon::v1::LOG_LEVEL_DEBUG);
    }
    resolved.state_folder =
        config_.state_folder().empty() ? DefaultStateFolder() : config_.state_folder();
    resolved.plugin_folders = Texts("plugin_folders", config_.plugin_folders());
    resolved.output_roots = Roots("output_roots", config_.output_roots());
    resolved.input_roots = Roots("input_roots", config_.input_roots());
    resolved.source_roots = Texts("source_roots", config_.source_roots());
    resolved.environment = Texts("environment", config_.environment());
    resolved.worker_memory = Size("worker_memory", config_.worker_memory(), 0, 64 * kMiB, kTiB);
    if (config_.has_call_limit()) {
      resolved.call_limit = Duration("call_limit", config_.call_limit());
    }
    if (config_.has_stop_timeout()) {
      resolved.stop_timeout = Duration("stop_timeout", config_.stop_timeout());
    }
    if (config_.has_max_streams()) {
      resolved.max_streams = Number("max_streams", config_.max_streams(), 1, 1024);
    }
    if (config_.has_ended_runs()) {
      resolved.ended_runs = Number("ended_runs", config_.ended_runs(), 0, 100'000);
    }
    resolved.log_bytes = Size("log_size", config_.log_size(), resolved.log_bytes, 64 * kKiB, kGiB);
    return resolved;
  }

 private:
  void Add(std::string field, std::string message) {
    problems_->push_back({std::move(field), std::move(message)});
  }

  std::vector<Listener> Listeners() {
    std::vector<Listener> listeners;
    if (config_.listeners_size() == 0) {
      Listener& only = listeners.emplace_back();
      only.address = config_.listen().empty() ? DefaultAddress() : config_.listen();
      auto mistake = ListenMistake(only.address, config_.insecure() || is_insecure_said_);
      if (mistake) Add("listen", *std::move(mistake));
      return listeners;
    }
    if (!config_.listen().empty()) Add("listen", "Is short for one of `listeners`; give either.");
    if (config_.insecure()) Add("insecure", "Is for `listen`; say it of the listener.");
    for (int i = 0; i < config_.listeners_size(); ++i) {
      const std::string field = fmt::format("listeners[{}]", i);
      listeners.push_back(
          ResolveListener(config_.listeners(i), field, is_insecure_said_, problems_));
    }
    return listeners;
  }

  Listener Http() {
    const daemon::v1::Listener& http = config_.http();
    if (SocketPath(http.address())) Add("http.address", "Must be HOST:PORT.");
    if (!http.tls().client_ca().empty() || http.clients_size() > 0) {
      Add("http.clients",
          "Is not for `http`, which asks for tokens; leave it and `tls.client_ca` "
          "out.");
    }
    return ResolveListener(http, "http", is_insecure_said_, problems_);
  }

  std::vector<std::string> Texts(const std::string& field,
                                 const google::protobuf::RepeatedPtrField<std::string>& texts) {
    for (int i = 0; i < texts.size(); ++i) {
      if (texts.Get(i).empty()) Add(fmt::format("{}[{}]", field, i), "Must not be empty.");
    }
    return {texts.begin(), texts.end()};
  }

  // Unless given, the folder that the daemon starts in.
  std::vector<std::string> Roots(const std::string& field,
                                 const google::protobuf::RepeatedPtrField<std::string>& texts) {
    if (!texts.empty()) return Texts(field, texts);
    std::error_code error;
    std::string here = std::filesystem::current_path(error).string();
    if (error) Add(field, "Is needed, as the folder the daemon starts in is gone.");
    return {std::move(here)};
  }

  // 0 stands for itself where it is the default.
  int64_t Size(const std::string& field, const std::string& text, int64_t default_bytes,
               int64_t least, int64_t most) {
    if (text.empty()) return default_bytes;
    const auto bytes = ParseSize(text);
    if (!bytes) {
      Add(field, fmt::format("Must be a size such as 1GiB, found \"{}\".", text));
      return default_bytes;
    }
    if ((*bytes == 0 && default_bytes == 0) || (*bytes >= least && *bytes <= most)) return *bytes;
    Add(field, fmt::format("Must lie between {} and {}{}, found \"{}\".", SizeText(least),
                           SizeText(most), default_bytes == 0 ? ", or be 0" : "", text));
    return default_bytes;
  }

  static std::string SizeText(int64_t bytes) {
    for (const auto& [unit, name] :
         {std::pair(kTiB, "TiB"), std::pair(kGiB, "GiB"), std::pair(kMiB, "MiB")}) {
      if (bytes % unit == 0) return fmt::format("{}{}", bytes / unit, name);
    }
    return fmt::format("{}KiB", bytes / kKiB);
  }

  milliseconds Duration(const std::string& field, const google::protobuf::Duration& duration) {
    constexpr milliseconds kLeast{100};
    constexpr milliseconds kMost = std::chrono::hours(1);
    const milliseconds value(duration.seconds() * 1000 + duration.nanos() / 1'000'000);
    if (value < kLeast || value > kMost) {
      Add(field, fmt::format("Must lie between {} and {}, found {}.", DurationText(kLeast.count()),
                             DurationText(kMost.count()), DurationText(value.count())));
    }
    return value;
  }

  int32_t Number(const std::string& field, int32_t value, int32_t least, int32_t most) {
    if (value < least || value > most) {
      Add(field, fmt::format("Must lie between {} and {}, found {}.", least, most, value));
    }
    return value;
  }

  const daemon::v1::Config& config_;
  const bool is_insecure_said_;
  Problems* problems_ = nullptr;
};

}  // namespace

SpecLayer ConfigLayer(std::string name, std::string text, bool has_lines) {
  return {std::move(name), std::move(text), has_lines, "configuration", "`listen:`"};
}

std::optional<DaemonConfig> ReadConfig(std::span<const SpecLayer> layers, bool is_insecure_said,
                                       Problems* problems) {
  const size_t problems_before = problems->size();
  daemon::v1::Config config;
  MessageReader reader(problems);
  for (const SpecLayer& layer : layers) {
    if (IsOnlyComments(layer.text)) continue;
    if (const auto root = ParseSpec(layer, problems)) reader.Apply(*root, &config);
  }
  Problems broken_rules;
  DaemonConfig resolved = Resolver(config, is_insecure_said).Resolve(&broken_rules);
  reader.AddWhatDoesNotFollow(broken_rules);
  if (problems->size() > problems_before) return std::nullopt;
  return resolved;
}

}  // namespace throng
