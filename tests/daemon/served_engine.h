// An engine that tests play, behind the real gRPC server on a unix socket in a folder of the
// test's.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/daemon/api_server.h"
#include "server/daemon/engine.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {

class PlayedEngine : public Engine {
 public:
  template <class T>
  using StatusOr = absl::StatusOr<T>;

  MOCK_METHOD(StatusOr<v1::Run>, CreateRun, (const v1::CreateRunRequest&, const CallContext&),
              (override));
  MOCK_METHOD(StatusOr<v1::Plan>, Plan, (const v1::PlanRequest&, const CallContext&), (override));
  MOCK_METHOD(StatusOr<v1::ValidateSpecResponse>, ValidateSpec,
              (const v1::ValidateSpecRequest&, const CallContext&), (override));
  MOCK_METHOD(StatusOr<v1::Run>, GetRun, (const std::string&), (override));
  MOCK_METHOD(StatusOr<v1::ListRunsResponse>, ListRuns, (const v1::ListRunsRequest&), (override));
  MOCK_METHOD(StatusOr<v1::Run>, UpdateRun, (const v1::UpdateRunRequest&), (override));
  MOCK_METHOD(absl::Status, DeleteRun, (const AskedRun&), (override));
  MOCK_METHOD(StatusOr<v1::Run>, PauseRun, (const AskedRun&), (override));
  MOCK_METHOD(StatusOr<v1::Run>, ResumeRun, (const AskedRun&), (override));
  MOCK_METHOD(StatusOr<v1::Run>, StopRun, (const AskedRun&), (override));
  MOCK_METHOD(StatusOr<v1::Run>, RestartRun, (const AskedRun&), (override));
  MOCK_METHOD(StatusOr<uint64_t>, Watch, (const std::string&, std::function<void()>), (override));
  MOCK_METHOD(StatusOr<uint64_t>, WatchAll, (std::function<void(const std::string&)>), (override));
  MOCK_METHOD(absl::Status, Drain, (const CallContext&), (override));
  MOCK_METHOD(StatusOr<uint64_t>, WatchLog, (const std::string&, std::function<void()>),
              (override));
  MOCK_METHOD(void, Unwatch, (uint64_t), (override));
  MOCK_METHOD(StatusOr<v1::GetPositionsResponse>, GetPositions,
              (const v1::GetPositionsRequest&, const CallContext&), (override));
  MOCK_METHOD(StatusOr<v1::ResetPositionsResponse>, ResetPositions,
              (const v1::ResetPositionsRequest&, const CallContext&), (override));
  MOCK_METHOD(StatusOr<v1::GetRunStatisticsResponse>, GetRunStatistics,
              (const v1::GetRunStatisticsRequest&, const CallContext&), (override));
  MOCK_METHOD(StatusOr<std::vector<v1::LogLine>>, ReadLog, (const std::string&, uint64_t*),
              (override));
  MOCK_METHOD(StatusOr<uint64_t>, FirstOfLog, (const std::string&, int32_t), (override));
  MOCK_METHOD(StatusOr<std::unique_ptr<RowStream>>, Generate,
              (const v1::GenerateRequest&, const CallContext&), (override));
  MOCK_METHOD(StatusOr<std::unique_ptr<RowStream>>, Inspect, (const worker::v1::InspectJob&),
              (override));
  MOCK_METHOD(StatusOr<v1::ListPluginsResponse>, ListPlugins, (const v1::ListPluginsRequest&),
              (override));
  MOCK_METHOD(StatusOr<v1::GetPluginResponse>, GetPlugin, (const std::string&), (override));
};

// Something that one thread says and another waits for.
class Signal {
 public:
  void Set() {
    const std::lock_guard lock(mutex_);
    is_set_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_set_ = false;
};

// A listener as `--listen` makes it.
inline Listener At(const std::string& address) {
  Listener listener;
  listener.address = address;
  return listener;
}

class ServedEngine : public testing::Test {
 protected:
  ServedEngine() : address_("unix:" + folder_.path("s")) {
    auto server = ApiServer::Make({At(address_)}, &engine_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    EXPECT_TRUE(server_->Listen().ok());
    channel_ = NewChannel();
  }

  std::shared_ptr<grpc::Channel> NewChannel() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt("grpc.use_local_subchannel_pool", 1);  // a connection of its own
    return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  }

  // The detail of that type of an error, as a client sees it.
  template <class Detail>
  static Detail DetailOf(const grpc::Status& status) {
    google::rpc::Status rich;
    EXPECT_TRUE(rich.ParseFromString(status.error_details()));
    EXPECT_EQ(rich.code(), status.error_code());
    EXPECT_EQ(rich.message(), status.error_message());
    Detail found;
    for (const google::protobuf::Any& detail : rich.details()) detail.UnpackTo(&found);
    return found;
  }
  static std::string ReasonOf(const grpc::Status& status) {
    return DetailOf<google::rpc::ErrorInfo>(status).reason();
  }

  testing::StrictMock<PlayedEngine> engine_;
  const ScratchFolder folder_;
  const std::string address_;
  std::unique_ptr<ApiServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace throng
