#include "client/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace throng {
namespace {

using testing::HasSubstr;
using testing::Not;

class ReportTest : public testing::Test {
 protected:
  ReportTest() : folder_(testing::TempDir() + "report_test") {
    std::filesystem::remove_all(folder_);
    summary_.mutable_statistics()->set_total_interactions(3);
    report_.title = "interactions.csv";
    report_.summary = &summary_;
  }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string Read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  const std::string folder_;
  v1::SummarizeResponse summary_;
  Report report_;
};

TEST_F(ReportTest, HoldsEverythingItNeeds) {
  const std::string html = ReportHtml(report_);
  EXPECT_THAT(html, HasSubstr("<title>interactions.csv</title>"));
  EXPECT_THAT(html, HasSubstr("\"total_interactions\":3"));
  for (const char* left : {"@TITLE@", "@STYLE@", "@DATA@", "@SCRIPT@", "src=", "http-equiv"}) {
    EXPECT_THAT(html, Not(HasSubstr(left)));
  }
}

TEST_F(ReportTest, TextOfTheDataStaysText) {
  report_.title = "<b>\"&";
  auto* timeline = summary_.mutable_figures()->add_timelines();
  timeline->set_user_id("</script><script>alert(1)</script>@SCRIPT@");
  const std::string html = ReportHtml(report_);
  EXPECT_THAT(html, HasSubstr("<title>&lt;b&gt;&quot;&amp;</title>"));
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(html, HasSubstr("\\u003c/script>\\u003cscript>alert(1)\\u003c/script>@SCRIPT@"));
}

TEST_F(ReportTest, IdsThatAreNoUtf8AreShownAsFarAsTheyAre) {
  summary_.mutable_dataset()->set_preset("shop");
  report_.places = {"a\xff.csv"};
  EXPECT_THAT(ReportHtml(report_), HasSubstr("a\xef\xbf\xbd.csv"));
}

TEST_F(ReportTest, AReportReplacesAReportAndNothingElse) {
  ASSERT_TRUE(WriteReport(report_, Path("new/report.html")).ok());
  summary_.mutable_statistics()->set_total_interactions(4);
  ASSERT_TRUE(WriteReport(report_, Path("new/report.html")).ok());
  EXPECT_EQ(Read(Path("new/report.html")), ReportHtml(report_));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(Path("new")), {}), 1);

  std::ofstream(Path("new/page.html")) << "<!doctype html><title>Mine</title>";
  EXPECT_EQ(CheckReportPath(Path("new/page.html")).message(),
            "--report " + Path("new/page.html") +
                ": it exists and is no report; name another file, or remove it first.");
  EXPECT_FALSE(WriteReport(report_, Path("new/page.html")).ok());
  EXPECT_EQ(Read(Path("new/page.html")), "<!doctype html><title>Mine</title>");
  EXPECT_THAT(std::string(CheckReportPath(Path("new")).message()),
              HasSubstr("it is a folder; name a file, as " + Path("new") + "/report.html."));
}

TEST_F(ReportTest, WhatCannotBeWrittenIsSaid) {
  EXPECT_THAT(std::string(WriteReport(report_, "/proc/no/report.html").message()),
              HasSubstr("--report /proc/no/report.html: the file cannot be written"));
}

}  // namespace
}  // namespace throng
