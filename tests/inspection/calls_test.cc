// What Tap and Replay answer, of files of a test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server/inspection/diagnose.h"
#include "server/inspection/replay.h"
#include "server/inspection/tap.h"

namespace throng {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Calls : public testing::Test {
 protected:
  Calls() : folder_(fs::temp_directory_path() / ("throng_calls_test_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    auto catalogue = Catalogue::Load({THRONG_PLUGIN_FOLDER, THRONG_INBOX_FOLDER});
    EXPECT_TRUE(catalogue.ok()) << catalogue.status();
    catalogue_ = *std::move(catalogue);
  }
  ~Calls() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string Content(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  v1::DataSource File(const std::string& name) const {
    v1::DataSource source;
    source.mutable_source()->set_component("file");
    (*source.mutable_source()->mutable_options())["path"] = Path(name);
    return source;
  }

  // All messages of an answer.
  template <class Response, class Call, class Request>
  std::vector<Response> Ask(Call call, const Request& request, absl::Status* status) {
    std::vector<Response> responses;
    problems_.clear();
    const Inspection inspection{
        .catalogue = catalogue_,
        .environment = environment_,
        .now_ms = 1'700'000'000'000,
        .retry_timeout = std::chrono::milliseconds(100),
        .send =
            [&](const google::protobuf::MessageLite& message) {
              EXPECT_TRUE(responses.emplace_back().ParseFromString(message.SerializeAsString()));
              return absl::OkStatus();
            },
        .problems = &problems_};
    *status = call(request, inspection);
    return responses;
  }

  const fs::path folder_;
  Catalogue catalogue_;
  Environment environment_;
  Problems problems_;
};

// ---- Tap ----

class TapCall : public Calls {
 protected:
  // "user item rating" of each row, and "!row: sentence" of each damage, in their order.
  std::vector<std::string> Lines(const v1::TapRequest& request) {
    std::vector<std::string> lines;
    for (const v1::TapResponse& response : Ask<v1::TapResponse>(Tap, request, &status_)) {
      for (const v1::FoundInteraction& found : response.interactions()) {
        const v1::Interaction& row = found.interaction();
        lines.push_back(row.user_id() + " " + row.item_id() + " " + std::to_string(row.rating()));
      }
      for (const v1::DamagedRecord& damaged : response.damaged()) {
        lines.push_back("!" + std::to_string(damaged.row()) + ": " + damaged.column());
      }
    }
    return lines;
  }
  absl::Status status_;
};

TEST_F(TapCall, GivesRowsAndWhatIsDamagedInTheirOrder) {
  Write("a.csv",
        "user_id,item_id,rating,timestamp\n"
        "user_1,item_1,4.5,2024-01-15T10:30:00Z\n"
        "user_2,item_2,much,2024-01-15T10:30:00Z\n"
        "user_3,item_3,2.0,2024-01-15T10:30:01Z\n");
  v1::TapRequest request;
  *request.mutable_source() = File("a.csv");
  EXPECT_THAT(Lines(request),
              ElementsAre("user_1 item_1 4.500000", "!1: rating", "user_3 item_3 2.000000"));
  EXPECT_TRUE(status_.ok()) << status_;
  request.set_limit(1);
  EXPECT_THAT(Lines(request), ElementsAre("user_1 item_1 4.500000"));
}

TEST_F(TapCall, TellsWhereARowLies) {
  Write("a.csv", "user_id,item_id,timestamp\nu,i,2024-01-15T10:30:00Z\n");
  v1::TapRequest request;
  *request.mutable_source() = File("a.csv");
  const auto responses = Ask<v1::TapResponse>(Tap, request, &status_);
  ASSERT_TRUE(status_.ok()) << status_;
  ASSERT_EQ(responses.size(), 1U);
  const v1::FoundInteraction& found = responses[0].interactions(0);
  EXPECT_EQ(found.piece(), Path("a.csv"));
  EXPECT_EQ(found.offset(), 26);
  EXPECT_EQ(found.interaction().timestamp().seconds(), 1'705'314'600);
  EXPECT_EQ(found.interaction().rating(), 0);  // it has none
  EXPECT_FALSE(found.has_key());
}

TEST_F(TapCall, RefusesNoRowsAndFilesOutsideTheRoots) {
  v1::TapRequest request;
  *request.mutable_source() = File("a.csv");
  request.set_limit(0);
  Lines(request);
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_EQ(problems_[0].field, "limit");
  Write("a.csv", "user_id,item_id,rating,timestamp\n");
  request.clear_limit();
  environment_.input_roots = {Path("elsewhere")};
  Lines(request);
  EXPECT_THAT(std::string(status_.message()), HasSubstr("outside"));
  environment_.input_roots = {folder_.string()};
  EXPECT_THAT(Lines(request), IsEmpty());
  EXPECT_TRUE(status_.ok()) << status_;
}

// ---- Replay ----

class ReplayCall : public Calls {
 protected:
  v1::ReplayRequest Request(const std::string& name, const std::string& inbox = "inbox") const {
    v1::ReplayRequest request;
    *request.mutable_source() = File(name);
    request.mutable_output()->mutable_format()->set_component("json");
    request.mutable_output()->mutable_sink()->set_component("inbox");
    (*request.mutable_output()->mutable_sink()->mutable_options())["path"] = Path(inbox);
    return request;
  }
  // The last message.
  v1::ReplayResponse Send(const v1::ReplayRequest& request) {
    const auto responses = Ask<v1::ReplayResponse>(Replay, request, &status_);
    return responses.empty() ? v1::ReplayResponse() : responses.back();
  }
  static void Set(v1::ReplayRequest* request, const std::string& name, const std::string& value) {
    (*request->mutable_output()->mutable_sink()->mutable_options())[name] = value;
  }

  // Rows of a file, and the messages that they become.
  static std::string Rows(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) {
      text += "user_" + std::to_string(i % 7) + ",item_" + std::to_string(i) +
              ",4.5,2024-01-15T10:30:00Z\n";
    }
    return text;
  }
  static std::string Messages(int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) {
      const std::string user = "user_" + std::to_string(i % 7);
      text += user + "\t{\"user_id\": \"" + user + "\", \"item_id\": \"item_" + std::to_string(i) +
              "\", \"rating\": 4.5, \"timestamp\": \"2024-01-15T10:30:00Z\"}\n";
    }
    return text;
  }

  const std::string header_ = "user_id,item_id,rating,timestamp\n";
  absl::Status status_;
};

TEST_F(ReplayCall, SendsEachRowOnceAndKnowsThatItIsComplete) {
  Write("a.csv", header_ + Rows(0, 10'000));
  const v1::ReplayResponse end = Send(Request("a.csv"));
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_TRUE(end.is_complete());
  EXPECT_EQ(end.rows(), 10'000);
  EXPECT_EQ(end.rows_before(), 0);
  EXPECT_TRUE(Content("inbox") == Messages(0, 10'000));
  fs::rename(folder_ / "a.csv", folder_ / "b.csv");  // the same rows, wherever they lie
  const v1::ReplayResponse again = Send(Request("b.csv"));
  EXPECT_EQ(again.rows(), 10'000);
  EXPECT_EQ(again.rows_before(), 10'000);
  EXPECT_TRUE(Content("inbox") == Messages(0, 10'000));
}

TEST_F(ReplayCall, GoesOnWhereItWasCommitted) {
  Write("a.csv", header_ + Rows(0, 10'000));
  v1::ReplayRequest request = Request("a.csv");
  Set(&request, "max_commit_rows", "1000");
  Set(&request, "refuses_at", "5500");
  Send(request);
  EXPECT_TRUE(absl::IsFailedPrecondition(status_)) << status_;
  const std::string before = Content("inbox");
  const v1::ReplayResponse end = Send(Request("a.csv"));
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_GE(end.rows_before(), 4'500);
  EXPECT_LT(end.rows_before(), 5'500);
  EXPECT_TRUE(before == Messages(0, static_cast<int>(end.rows_before())));
  EXPECT_EQ(end.rows(), 10'000);
  EXPECT_TRUE(Content("inbox") == Messages(0, 10'000));
}

TEST_F(ReplayCall, SendsAgainWhatWasLost) {
  Write("a.csv", header_ + Rows(0, 10'000));
  v1::ReplayRequest request = Request("a.csv");
  Set(&request, "max_commit_rows", "1000");
  Set(&request, "aborts_at", "4000");
  const v1::ReplayResponse end = Send(request);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(end.rows(), 10'000);
  EXPECT_TRUE(Content("inbox") == Messages(0, 10'000));
}

TEST_F(ReplayCall, SendsPassAfterPassAndMoreOfThemLater) {
  Write("a.csv", header_ + Rows(0, 5));
  v1::ReplayRequest request = Request("a.csv");
  request.set_passes(2);
  Set(&request, "aborts_at", "7");
  EXPECT_EQ(Send(request).rows(), 10);
  EXPECT_EQ(Content("inbox"), Messages(0, 5) + Messages(0, 5));
  request.set_passes(3);
  const v1::ReplayResponse end = Send(request);
  EXPECT_EQ(end.rows(), 15);
  EXPECT_EQ(end.rows_before(), 10);
  request.set_again("once more");
  EXPECT_EQ(Send(request).rows_before(), 0);
}

TEST_F(ReplayCall, LeavesOutAndTellsWhatCannotBeDelivered) {
  Write("a.csv", header_ + "u,i,4.5,2024-01-15T10:30:00Z\n" +
                     "u,i,3.141,2024-01-15T10:30:00Z\n"  // of three decimals
                     "u,i,much,2024-01-15T10:30:00Z\n" +
                     "u,i,5,2024-01-15T10:30:00Z\n");
  v1::ReplayRequest request = Request("a.csv");
  request.set_passes(2);
  v1::ReplayResponse end = Send(request);
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(end.rows(), 4);
  EXPECT_EQ(end.damaged_records(), 4);
  ASSERT_GE(end.damaged_size(), 2);
  EXPECT_EQ(end.damaged(0).column() + end.damaged(1).column(), "ratingrating");
  end = Send(request);
  EXPECT_EQ(end.rows(), 4);
  EXPECT_EQ(end.rows_before(), 4);
}

TEST_F(ReplayCall, TakesAnyIds) {
  Write("a.csv", header_ + "user_1,item_007,4.5,2024-01-15T10:30:00Z\n" +
                     "Zo\xc3\xab,x,4.25,2024-01-15T10:30:00.250Z\n" +
                     "user_2,9,1,2024-01-15T10:30:00Z\n");
  const v1::ReplayResponse end = Send(Request("a.csv"));
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(end.damaged_records(), 0);
  EXPECT_THAT(Content("inbox"),
              HasSubstr("user_1\t{\"user_id\": \"user_1\", \"item_id\": \"item_007\""));
  EXPECT_THAT(Content("inbox"), HasSubstr("\"Zo\xc3\xab\", \"item_id\": \"x\", \"rating\": 4.25"));
  EXPECT_THAT(Content("inbox"), HasSubstr("\"item_id\": \"9\", \"rating\": 1.0"));
}

TEST_F(ReplayCall, RefusesWithAFieldAndASentence) {
  Write("a.csv", header_ + Rows(0, 1));
  v1::ReplayRequest request = Request("a.csv");
  request.set_passes(-1);
  request.set_rate(-1);
  Send(request);
  EXPECT_EQ(problems_.size(), 2U);
  request = Request("a.csv");
  request.mutable_output()->mutable_sink()->set_component("file");
  Send(request);
  EXPECT_THAT(std::string(status_.message()), HasSubstr("delivers messages"));
  request = Request("a.csv");
  request.mutable_output()->mutable_format()->set_component("jsn");
  Send(request);
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_EQ(problems_[0].field, "output.format.component");
  Write("empty.csv", header_);
  Send(Request("empty.csv"));
  EXPECT_TRUE(absl::IsNotFound(status_)) << status_;
  EXPECT_THAT(Content("inbox"), IsEmpty());
}

// ---- Diagnose ----

TEST_F(Calls, ADiagnosisIsOfAPlaceOfMessages) {
  absl::Status status;
  v1::DiagnoseRequest request;
  Ask<v1::DiagnoseResponse>(Diagnose, request, &status);
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_EQ(problems_[0].field, "sink");
  request.mutable_sink()->set_component("file");
  (*request.mutable_sink()->mutable_options())["path"] = Path("a");
  Ask<v1::DiagnoseResponse>(Diagnose, request, &status);
  ASSERT_EQ(problems_.size(), 1U);
  EXPECT_EQ(problems_[0].message, "Only a place of messages can be tried, as kafka.");
}

}  // namespace
}  // namespace throng
