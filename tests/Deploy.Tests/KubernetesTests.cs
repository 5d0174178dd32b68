using System.Text.Json.Nodes;

namespace Ganymede.Tests;

/// <summary>The manifests of deploy/k8s, as kubectl renders them. Skipped where there is no kubectl.</summary>
public sealed class KubernetesTests
{
    [Theory]
    [InlineData("cpu")]
    [InlineData("gpu")]
    public void An_overlay_renders_and_breaks_no_rule(string overlay)
    {
        var manifests = Manifests.RenderOverlay(overlay);

        Assert.Equal(["coordinator", "gpu-node", "lighthouse"], manifests.Workloads.Select(workload => workload.Name).Order());
        Assert.Empty(Rule.All.SelectMany(rule => rule.Problems(manifests).Select(problem => $"{rule.Name}: {problem}")));
    }

    [Theory]
    [MemberData(nameof(Mutations))]
    public void A_manifest_with_one_fault_breaks_the_one_rule_for_it(string broken, string overlay)
    {
        var manifests = Manifests.RenderOverlay(overlay).With(_mutations[broken].Change);

        var found = Rule.All.Where(rule => rule.Problems(manifests).Any()).Select(rule => rule.Name);

        Assert.Equal([broken], found);
    }

    [Fact]
    public void What_the_Prometheus_operator_gets_fits_its_schema_and_has_the_rules_that_are_tested()
    {
        using var folder = new RenderFolder("components: [COMPONENT]", "resources: [OVERLAY]");
        var manifests = Manifests.Render(folder.Path);
        var rule = manifests.OfKind("PrometheusRule").Single();
        var monitor = manifests.OfKind("PodMonitor").Single();

        Assert.Empty(KubernetesSchema.Problems(rule));
        Assert.Empty(KubernetesSchema.Problems(monitor));
        Assert.All([rule, monitor], manifest => Assert.Equal("ganymede", manifest.Text("metadata", "namespace")));
        // The rules ask for job="ganymede": the value of this label on every pod.
        Assert.All(manifests.Workloads, workload => Assert.Equal("ganymede", workload.Labels[monitor.Text("spec", "jobLabel")!]));
        var file = Yaml.Documents(File.ReadAllText(Repository.File("deploy", "monitoring", "rules.yaml"))).Single();
        Assert.True(JsonNode.DeepEquals(file["groups"], rule.At("spec", "groups")), "deploy/k8s/components/monitoring/prometheus-rule.yaml differs from deploy/monitoring/rules.yaml");
        Assert.All(manifests.Workloads, workload => Assert.True(monitor.Map("spec", "selector", "matchLabels").IsPartOf(workload.Labels)));
        Assert.All(monitor.List("spec", "podMetricsEndpoints"), endpoint =>
        {
            Assert.Equal(Messages.ClusterTelemetry.Path, endpoint.Text("path"));
            Assert.All(manifests.Workloads, workload => Assert.Contains(endpoint.Text("port")!, workload.Ports.Keys));
        });
    }

    public static TheoryData<string, string> Mutations()
    {
        var data = new TheoryData<string, string>();
        foreach (var (rule, mutation) in _mutations)
            data.Add(rule, mutation.Overlay);
        return data;
    }

    private static readonly Dictionary<string, (string Overlay, Action<Manifests> Change)> _mutations = new()
    {
        ["schema"] = ("cpu", all => all.Get("StatefulSet", "gpu-node")["spec"]!["replica"] = 3),
        ["selectors"] = ("cpu", all => all.Get("Service", "coordinator-api")["spec"]!["selector"]!["app.kubernetes.io/name"] = "cordinator"),
        ["services"] = ("cpu", all => all.Get("Service", "lighthouse")["spec"]!["publishNotReadyAddresses"] = false),
        ["seeds"] = ("cpu", all => all.OfKind("ConfigMap").Single()["data"]!["GANYMEDE__Cluster__SeedNodes__1"] = "akka.tcp://ganymede@lighthouse-2.lighthouse:4053"),
        ["probes"] = ("cpu", all => Container(all, "gpu-node")["readinessProbe"]!["httpGet"]!["path"] = "/health/ready"),
        ["environment"] = ("cpu", all => all.OfKind("ConfigMap").Single()["data"]!["GANYMEDE__Cluster__Prot"] = "4053"),
        ["ports"] = ("cpu", all => Container(all, "coordinator")["ports"]!.AsArray().OfType<JsonObject>().Single(port => port.Text("name") == "data")["containerPort"] = 4061),
        ["images"] = ("gpu", all => Container(all, "gpu-node")["image"] = "ganymede:latest"),
        ["security"] = ("cpu", all => Container(all, "lighthouse")["securityContext"]!["readOnlyRootFilesystem"] = false),
        ["shutdown"] = ("gpu", all => all.Get("StatefulSet", "gpu-node")["spec"]!["template"]!["spec"]!["terminationGracePeriodSeconds"] = 30),
        ["resources"] = ("cpu", all => Container(all, "gpu-node")["resources"]!["limits"]!.AsObject().Remove("memory")),
        ["volumes"] = ("cpu", all => all.Get("PersistentVolumeClaim", "shared")["spec"]!["accessModes"] = new JsonArray("ReadWriteOnce")),
        ["disruption"] = ("cpu", all => all.Get("PodDisruptionBudget", "lighthouse")["spec"]!["minAvailable"] = 1),
        ["devices"] = ("gpu", all => Container(all, "gpu-node")["resources"]!["limits"]!.AsObject()["nvidia.com/gpu"] = "2"),
    };

    private static JsonObject Container(Manifests all, string workload) => all.Workloads.Single(one => one.Name == workload).Container;

    /// <summary>A kustomization for the time of a test, as an operator would write one.</summary>
    private sealed class RenderFolder : IDisposable
    {
        public RenderFolder(params string[] lines)
        {
            Path = Directory.CreateTempSubdirectory("ganymede-render-").FullName;
            string To(params string[] folder) => System.IO.Path.GetRelativePath(Path, Repository.File(["deploy", "k8s", .. folder]));
            File.WriteAllLines(System.IO.Path.Combine(Path, "kustomization.yaml"), lines
                .Select(line => line.Replace("COMPONENT", To("components", "monitoring"), StringComparison.Ordinal).Replace("OVERLAY", To("overlays", "cpu"), StringComparison.Ordinal)));
        }

        public string Path { get; }

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
