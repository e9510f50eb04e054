#include "client/flags.h"

#include <fmt/format.h>

#include <limits>

#include "client/count_text.h"

namespace throng {
namespace {

// Values as completion knows them.
constexpr const char* kFormats = "table|json|jsonl|yaml|name";

// Named as curl, etcdctl and grpcurl do.
void AddTls(CLI::App* app, TlsFlags* tls) {
  const auto add = [app](const std::string& flag, std::string* value, const char* variable,
                         const std::string& help) {
    return app->add_option(flag, *value, help + "; also " + variable + ".")
        ->envname(variable)
        ->group("Daemons on HOST:PORT over TLS");
  };
  const auto add_file = [&add](const std::string& flag, std::string* value, const char* variable,
                               const std::string& help) {
    return add(flag, value, variable, help)->check(CLI::ExistingFile)->type_name("FILE");
  };
  app->add_flag("--tls", tls->is_asked, "Use TLS; goes without saying with a flag below.")
      ->group("Daemons on HOST:PORT over TLS");
  add_file("--cacert", &tls->ca_file, "THRONG_CACERT",
           "Certificates of the CAs that may vouch for the daemon; default: the system's");
  auto* certificate = add_file("--cert", &tls->certificate_file, "THRONG_CERT", "Our certificate");
  auto* key = add_file("--key", &tls->key_file, "THRONG_KEY", "Its private key");
  certificate->needs(key);
  key->needs(certificate);
  add_file("--token-file", &tls->token_file, "THRONG_TOKEN_FILE",
           "A file that holds our bearer token");
  add("--server-name", &tls->server_name, "THRONG_SERVER_NAME",
      "The name in the daemon's certificate; default: the host of the address")
      ->type_name("NAME");
}

}  // namespace

CLI::Validator OneOf(const std::string& words) {
  return CLI::Validator(
      [words](std::string& value) {
        const bool is_one = !value.empty() && value.find('|') == std::string::npos &&
                            ("|" + words + "|").find("|" + value + "|") != std::string::npos;
        return is_one ? "" : fmt::format("is \"{}\"; write one of {}", value, words);
      },
      "");
}

CLI::Validator AtLeast(int64_t least) {
  return CLI::Range(least, std::numeric_limits<int64_t>::max()).description("");
}

CLI::Validator AsCount() {
  return CLI::Validator(
      [](std::string& value) {
        if (const auto count = ParseCount(value); count.ok()) value = *count;
        return std::string();
      },
      "");
}

CLI::Validator AsPair() {
  return CLI::Validator(
      [](std::string& value) {
        const size_t sign = value.find('=');
        const bool is_pair = sign != std::string::npos && sign > 0;
        return is_pair ? "" : fmt::format("is \"{}\"; write KEY=VALUE", value);
      },
      "");
}

void AddFormat(CLI::App* app, PrintFormat* format) {
  app->add_option_function<std::string>(
         "-o,--output-format",
         [format](const std::string& text) { *format = *ParsePrintFormat(text); },
         "How to print it; default: table.")
      ->check(OneOf(kFormats))
      ->type_name(kFormats);
}

void AddReport(CLI::App* app, std::string* path) {
  app->add_option("--report", *path,
                  "Also leave a report there, one HTML file with pictures and the checklist.")
      ->type_name("FILE");
}

void AddAddress(CLI::App* app, DaemonFlags* daemon, bool is_one_shot) {
  app->add_option("--address", daemon->address,
                  is_one_shot
                      ? "A daemon to use, unix:/PATH or HOST:PORT, instead of a private one; also "
                        "THRONG_ADDRESS."
                      : "The daemon, unix:/PATH or HOST:PORT; also THRONG_ADDRESS.")
      ->type_name("ADDRESS");
  AddTls(app, &daemon->tls);
  if (!is_one_shot) return;
  app->add_option("--plugin-dir", daemon->plugin_folders,
                  "A folder of plugins for a private daemon, instead of those that came with it; "
                  "repeatable.")
      ->type_name("FOLDER")
      ->allow_extra_args(false);
}

}  // namespace throng
