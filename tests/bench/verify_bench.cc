// How fast data are verified, beside how fast they are made: `verify_bench [ROWS]`. Files lie in
// memory where there is room, so that a disk has no say.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "server/delivery/run.h"
#include "server/inspection/verify.h"
#include "server/spec/reader.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

double Seconds(const std::function<void()>& what) {
  const auto start = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void Fail(const std::string& what) {
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

v1::RunSpec Spec(const std::string& yaml) {
  Problems problems;
  const SpecLayer layer{"bench", yaml};
  const auto spec = ReadSpec({&layer, 1}, &problems);
  if (!spec || !problems.empty()) Fail(ToString(problems));
  return *spec;
}

void Bench(int64_t rows, const std::string& preset, const std::string& format,
           const fs::path& folder, const Catalogue& catalogue) {
  const Environment environment;
  constexpr int64_t kNow = 1'700'000'000'000;
  const std::string path = (folder / (preset + "." + format)).string();
  const v1::RunSpec spec = Spec(fmt::format(
      "dataset: {{preset: {}, interactions: {}}}\noutputs: [{{format: {{component: {}}}, sink: "
      "{{component: file, options: {{path: '{}'}}}}}}]",
      preset, rows, format, path));
  const double made = Seconds([&] {
    Problems problems;
    const auto run = Run::Create(spec, catalogue, environment, kNow, &problems);
    if (run == nullptr || !run->Open(std::chrono::seconds(1)).ok()) Fail(ToString(problems));
    run->Start(std::chrono::seconds(1));
    while (!run->HasEnded()) run->Wait(std::chrono::milliseconds(100));
  });
  const auto verify = [&](bool any_order) {
    v1::VerifyRequest request;
    v1::Component* source = request.add_sources()->mutable_source();
    source->set_component("file");
    (*source->mutable_options())["path"] = path;
    request.set_any_order(any_order);
    return Seconds([&] {
      Problems problems;
      const Inspection inspection{.catalogue = catalogue,
                                  .environment = environment,
                                  .now_ms = kNow,
                                  .send =
                                      [](const google::protobuf::MessageLite& message) {
                                        v1::VerifyResponse response;
                                        response.ParseFromString(message.SerializeAsString());
                                        if (response.verification().differences_size() > 0) {
                                          Fail(response.ShortDebugString());
                                        }
                                        return absl::OkStatus();
                                      },
                                  .problems = &problems};
      const absl::Status status = Verify(request, {}, inspection);
      if (!status.ok()) Fail(std::string(status.message()));
    });
  };
  const double bytes = verify(false);
  const double any_order = verify(true);
  fmt::print("| {} | {} | {:.2f} | {:.2f} | {:.2f} |\n", preset, format,
             static_cast<double>(rows) / made / 1e6, made / bytes, made / any_order);
  fs::remove(path);
}

}  // namespace
}  // namespace throng

int main(int argc, char** argv) {
  using namespace throng;
  const int64_t rows = argc > 1 ? std::atoll(argv[1]) : 5'000'000;
  auto catalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER});
  if (!catalogue.ok()) Fail(std::string(catalogue.status().message()));
  const fs::path base = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
  const fs::path folder = base / fmt::format("throng_verify_bench_{}", getpid());
  fs::create_directories(folder);
  fmt::print("| preset | format | M rows/s made | verified, of that | in any order, of that |\n");
  fmt::print("| --- | --- | --- | --- | --- |\n");
  for (const char* preset : {"trace", "seed", "shop"}) {
    for (const char* format : {"csv", "json"}) Bench(rows, preset, format, folder, *catalogue);
  }
  fs::remove_all(folder);
  return 0;
}
