// A client of GenerationService.Generate: prints the rows as CSV, or, without a file to print to,
// only how many there were and how long they took.
//   row_reader ADDRESS SPEC START_ROW ROW_LIMIT [--count]
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "throng/v1/generation_service.grpc.pb.h"

namespace {

using throng::v1::GenerateHeader;
using throng::v1::InteractionBatch;

void Print(const GenerateHeader& header, const InteractionBatch& batch) {
  std::string text;
  for (int i = 0; i < batch.user_numbers_size(); ++i) {
    const std::time_t seconds = batch.timestamp_ms(i) / 1000;
    std::tm time{};
    gmtime_r(&seconds, &time);
    char when[32];
    std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &time);
    text += fmt::format("{}{},{}{},{:.1f},{}\n", header.user_prefix(), batch.user_numbers(i),
                        header.item_prefix(), batch.item_numbers(i),
                        batch.rating_hundredths(i) / 100.0, when);
  }
  std::fputs(text.c_str(), stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "row_reader ADDRESS SPEC START_ROW ROW_LIMIT [--count]\n");
    return 2;
  }
  // Messages of a few hundred kilobytes come and go: their memory is kept.
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  const bool is_counting = argc > 5 && std::string_view(argv[5]) == "--count";

  throng::v1::GenerateRequest request;
  auto* layer = request.mutable_source()->add_layers();
  layer->set_name("row_reader");
  layer->set_text(argv[2]);
  request.set_start_row(std::atoll(argv[3]));
  request.set_row_limit(std::atoll(argv[4]));
  request.set_batch_rows(is_counting ? 16'384 : 0);

  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(16 << 20);
  const auto stub = throng::v1::GenerationService::NewStub(
      grpc::CreateCustomChannel(argv[1], grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  const auto reader = stub->Generate(&context, request);
  GenerateHeader header;
  throng::v1::GenerateResponse response;
  int64_t rows = 0;
  auto start = std::chrono::steady_clock::now();
  while (reader->Read(&response)) {
    if (response.has_header()) {
      header = response.header();
      start = std::chrono::steady_clock::now();  // planned: from here on it is streaming
    }
    rows += response.batch().user_numbers_size();
    if (!is_counting) Print(header, response.batch());
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) {
    fmt::print(stderr, "{}\n", status.error_message());
    return 1;
  }
  if (is_counting) {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fmt::print("{} {:.6f}\n", rows, seconds.count());
  }
  return 0;
}
