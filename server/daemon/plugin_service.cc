// throng.v1.PluginService.
#include <span>
#include <string>
#include <utility>

#include "server/daemon/calls.h"
#include "server/daemon/services.h"
#include "server/spec/presets.h"
#include "throng/v1/plugin_service.grpc.pb.h"

namespace throng {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

void AddPresets(std::span<const Preset> presets, v1::PresetKind kind,
                v1::ListPresetsResponse* response) {
  for (const Preset& preset : presets) {
    v1::Preset* added = response->add_presets();
    added->set_name("presets/" + std::string(preset.name));
    added->set_kind(kind);
    added->set_doc(std::string(preset.doc));
    added->set_yaml(std::string(preset.yaml));
  }
}

class PluginService final : public v1::PluginService::CallbackService {
 public:
  PluginService(Engine* engine, CallThreads* threads) : engine_(engine), threads_(threads) {}

  Reactor* ListPlugins(Context* context, const v1::ListPluginsRequest* request,
                       v1::ListPluginsResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline) {
      return Take(engine_->ListPlugins(*request), response);
    });
  }

  Reactor* GetPlugin(Context* context, const v1::GetPluginRequest* request,
                     v1::GetPluginResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline) {
      return Take(engine_->GetPlugin(request->name()), response);
    });
  }

  Reactor* ValidateSpec(Context* context, const v1::ValidateSpecRequest* request,
                        v1::ValidateSpecResponse* response) override {
    return AnswerOnThread(context, threads_, [this, request, response](Deadline deadline) {
      return Take(engine_->ValidateSpec(*request, deadline), response);
    });
  }

  Reactor* ListPresets(Context* context, const v1::ListPresetsRequest* /*request*/,
                       v1::ListPresetsResponse* response) override {
    AddPresets(BehaviourPresets(), v1::PRESET_KIND_BEHAVIOUR, response);
    AddPresets(SizePresets(), v1::PRESET_KIND_SIZE, response);
    response->set_daemon_version(THRONG_VERSION);
    return Answer(context, absl::OkStatus());
  }

 private:
  Engine* const engine_;
  CallThreads* const threads_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePluginService(Engine* engine, CallThreads* threads) {
  return std::make_unique<PluginService>(engine, threads);
}

}  // namespace throng
