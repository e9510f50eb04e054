// Data that runs wrote, spoiled on purpose, and verified.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "server/inspection/verify.h"
#include "tests/inspection/read_fixture.h"

namespace throng {

class VerifyTest : public ReadTest {
 protected:
  // Writes outputs, a YAML list's items, of 50 000 rows unless `dataset` says otherwise.
  void Write(const std::string& outputs,
             const std::string& dataset = "preset: seed, seed: 7, interactions: 50000",
             const std::string& more = "") {
    const auto run =
        Execute("dataset: {" + dataset + "}\n" + more + "outputs: [" + outputs + "]\n");
    ASSERT_NE(run, nullptr);
    for (const auto& output : run->outputs()) {
      ASSERT_EQ(output->progress().state, OutputState::kSucceeded) << output->progress().reason;
    }
  }
  std::string Output(const std::string& format, const std::string& name,
                     const std::string& more = "") const {
    return "{format: " + format + ", sink: {component: file, options: {path: '" + Path(name) +
           "'}}, name: '" + name + "'" + more + "},";
  }

  v1::VerifyRequest Request(const std::vector<std::string>& paths) const {
    v1::VerifyRequest request;
    for (const std::string& path : paths) {
      v1::DataSource* source = request.add_sources();
      source->mutable_source()->set_component("file");
      (*source->mutable_source()->mutable_options())["path"] = path;
    }
    return request;
  }
  VerifyGiven Given(const std::string& yaml) {
    Problems problems;
    const SpecLayer layer{"test", yaml};
    VerifyGiven given;
    given.run = ReadSpec({&layer, 1}, &problems, /*needs_outputs=*/false);
    EXPECT_TRUE(problems.empty()) << ToString(problems);
    return given;
  }

  v1::Verification Verified(const v1::VerifyRequest& request, const VerifyGiven& given = {}) {
    v1::Verification result;
    int results = 0;
    Problems problems;
    const Inspection inspection{
        .catalogue = catalogue_,
        .environment = environment_,
        .now_ms = now_,
        .send =
            [&](const google::protobuf::MessageLite& message) {
              v1::VerifyResponse response;
              EXPECT_TRUE(response.ParseFromString(message.SerializeAsString()));
              if (response.has_verification()) {
                result = response.verification();
                ++results;
              }
              return absl::OkStatus();
            },
        .problems = &problems};
    status_ = Verify(request, given, inspection);
    EXPECT_TRUE(problems.empty()) << ToString(problems);
    EXPECT_EQ(results, status_.ok() ? 1 : 0);
    return result;
  }
  v1::Verification Verified(const std::string& path, const VerifyGiven& given = {}) {
    v1::Verification result = Verified(Request({path}), given);
    EXPECT_TRUE(status_.ok()) << status_;
    return result;
  }

  // "lost 1, altered rating 2".
  static std::string Summary(const v1::Verification& verification) {
    std::string text;
    for (const v1::Difference& difference : verification.differences()) {
      std::string kind = v1::DifferenceKind_Name(difference.kind()).substr(16);
      std::transform(kind.begin(), kind.end(), kind.begin(), [](char c) { return tolower(c); });
      if (!text.empty()) text += ", ";
      text += kind + " ";
      if (!difference.column().empty()) text += difference.column() + " ";
      text += std::to_string(difference.count());
    }
    return text;
  }
  static const v1::DifferenceExample& First(const v1::Verification& verification,
                                            int difference = 0) {
    return verification.differences(difference).examples(0);
  }

  void WriteLines(const std::string& path, const std::vector<std::string>& lines) const {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    std::ofstream(path, std::ios::binary) << text;
  }
  // With the header.
  std::vector<std::string> Lines(const std::string& path) const {
    std::vector<std::string> lines;
    std::istringstream text(Content(path));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

  absl::Status status_;
};

}  // namespace throng
