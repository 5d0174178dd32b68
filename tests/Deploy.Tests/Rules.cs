using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ganymede.Coordinator.Api;
using Ganymede.GpuNode;
using Ganymede.Messages;
using Microsoft.Extensions.Configuration;

namespace Ganymede.Tests;

/// <summary>One thing that must hold of the manifests; each names what it found to be wrong.</summary>
internal sealed record Rule(string Name, Func<Manifests, IEnumerable<string>> Problems)
{
    public static IReadOnlyList<Rule> All { get; } =
    [
        new("schema", all => all.Documents.SelectMany(KubernetesSchema.Problems)),
        new("selectors", Rules.Selectors),
        new("services", Rules.Services),
        new("seeds", Rules.Seeds),
        new("probes", Rules.Probes),
        new("environment", Rules.Environment),
        new("ports", Rules.Ports),
        new("images", Rules.Images),
        new("security", Rules.Security),
        new("shutdown", Rules.Shutdown),
        new("resources", Rules.Resources),
        new("volumes", Rules.Volumes),
        new("disruption", Rules.Disruption),
        new("devices", Rules.Devices),
    ];
}

/// <summary>What the schema cannot say: names that must be there, and settings that the programs must know.</summary>
internal static partial class Rules
{
    /// <summary>Each selector takes the pods of at least one workload.</summary>
    public static IEnumerable<string> Selectors(Manifests all)
    {
        IEnumerable<(string Owner, IReadOnlyDictionary<string, string> Selector)> selectors =
        [
            .. all.OfKind("Service").Select(service => (Manifests.Id(service), service.Map("spec", "selector"))),
            .. all.OfKind("PodDisruptionBudget").Select(budget => (Manifests.Id(budget), budget.Map("spec", "selector", "matchLabels"))),
            .. all.OfKind("NetworkPolicy").Select(policy => (Manifests.Id(policy), policy.Map("spec", "podSelector", "matchLabels"))),
            .. all.Workloads.SelectMany(workload => workload.Pod.List("topologySpreadConstraints").Select(spread => ($"{workload.Name}: topology spread", spread.Map("labelSelector", "matchLabels")))),
        ];
        return selectors.Where(one => !all.Workloads.Any(workload => one.Selector.IsPartOf(workload.Labels))).Select(one => $"{one.Owner} selects no pod")
            .Concat(all.Workloads.Where(workload => !workload.Set.Map("spec", "selector", "matchLabels").IsPartOf(workload.Labels)).Select(workload => $"{workload.Name} does not select its own pods"));
    }

    /// <summary>Each set has a headless service of its own by which its pods are found before they are ready, and pods call themselves by that name.</summary>
    public static IEnumerable<string> Services(Manifests all)
    {
        foreach (var workload in all.Workloads)
        {
            var name = workload.Set.Text("spec", "serviceName");
            if (all.OfKind("Service").FirstOrDefault(service => Manifests.Name(service) == name) is not { } service)
            {
                yield return $"{workload.Name}: service {name} is not there";
                continue;
            }

            if (service.Text("spec", "clusterIP") != "None")
                yield return $"{name} is not headless";
            if (service.Text("spec", "publishNotReadyAddresses") != "true")
                yield return $"{name} hides pods that are not ready";
            if (!all.Workloads.Any(other => other.Name == workload.Name && service.Map("spec", "selector").IsPartOf(other.Labels)))
                yield return $"{name} does not select the pods of {workload.Name}";
            foreach (var pod in workload.PodNames.Where(pod => workload.Configuration(pod)["Cluster:PublicHostName"] != $"{pod}.{name}"))
                yield return $"{pod} does not call itself {pod}.{name}";
        }
    }

    /// <summary>Every pod has the same seeds: all Lighthouses, in order, by the names they call themselves.</summary>
    public static IEnumerable<string> Seeds(Manifests all)
    {
        var lighthouses = all.Workloads.Single(workload => workload.Name == "lighthouse");
        var expected = lighthouses.PodNames.Select(pod => $"akka.tcp://{ClusterHosting.SystemName}@{pod}.{lighthouses.Set.Text("spec", "serviceName")}:{lighthouses.Ports.GetValueOrDefault("akka")}").ToArray();
        return
            from workload in all.Workloads
            from pod in workload.PodNames
            let seeds = workload.Configuration(pod).GetSection("Cluster:SeedNodes").Get<string[]>() ?? []
            where !seeds.SequenceEqual(expected)
            select $"{pod} has the seeds {string.Join(' ', seeds)}, the Lighthouses are {string.Join(' ', expected)}";
    }

    /// <summary>Probes ask what the programs answer.</summary>
    public static IEnumerable<string> Probes(Manifests all) =>
        from workload in all.Workloads
        from probe in new[] { ("startupProbe", ClusterProgram.LivePath), ("livenessProbe", ClusterProgram.LivePath), ("readinessProbe", ClusterProgram.ReadyPath) }
        let asked = workload.Container.At(probe.Item1, "httpGet")
        where asked.Text("path") != probe.Item2 || asked.Text("port") != "http"
        select $"{workload.Name}: {probe.Item1} asks {asked.Text("path")} on {asked.Text("port")}, not {probe.Item2} on http";

    /// <summary>Every setting is one that the program has, with a value that it takes.</summary>
    public static IEnumerable<string> Environment(Manifests all)
    {
        foreach (var workload in all.Workloads)
        {
            foreach (var pod in workload.PodNames)
            {
                var settings = workload.Configuration(pod);
                foreach (var section in settings.GetChildren())
                {
                    var types = OptionsOf(section.Key, workload.Name);
                    foreach (var key in section.GetChildren().Select(child => child.Key).Where(key => !types.Any(type => type.GetProperty(key, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase) is not null)))
                        yield return $"{pod}: no program has a setting {section.Key}:{key}";
                    foreach (var problem in types.SelectMany(type => Bind(section, type, workload)))
                        yield return $"{pod}: {problem}";
                }
            }
        }
    }

    /// <summary>Ports of containers, services and policies are those of the settings.</summary>
    public static IEnumerable<string> Ports(Manifests all)
    {
        foreach (var workload in all.Workloads)
        {
            var settings = workload.Configuration(workload.PodNames.First());
            foreach (var (name, setting) in new[] { ("akka", "Cluster:Port"), ("data", "Data:Port"), ("http", "Http:Port") })
            {
                if (workload.Ports.TryGetValue(name, out var port) ? settings[setting] != $"{port}" : name != "data" || workload.Name != "lighthouse")
                    yield return $"{workload.Name}: port {name} is {port}, {setting} is {settings[setting]}";
            }
        }

        foreach (var service in all.OfKind("Service"))
        {
            foreach (var port in service.List("spec", "ports"))
            {
                foreach (var workload in all.Workloads.Where(workload => service.Map("spec", "selector").IsPartOf(workload.Labels)))
                {
                    if (workload.Ports.GetValueOrDefault(port.Text("targetPort") ?? "", -1) != port.Number("port"))
                        yield return $"{Manifests.Id(service)}: port {port.Text("name")} is not one of {workload.Name}";
                }
            }
        }

        foreach (var port in all.OfKind("NetworkPolicy").SelectMany(policy => policy.List("spec", "ingress")).SelectMany(rule => rule.List("ports")))
        {
            if (!all.Workloads.Any(workload => workload.Ports.ContainsKey(port.Text("port") ?? "")))
                yield return $"NetworkPolicy: no pod has a port {port.Text("port")}";
        }
    }

    /// <summary>One image, of this version, and programs that its Dockerfile puts into it.</summary>
    public static IEnumerable<string> Images(Manifests all)
    {
        var version = VersionOfBuild().Match(File.ReadAllText(Repository.File("Directory.Build.props"))).Groups[1].Value;
        var flavour = all.Workloads.Any(workload => workload.Pod.ToJsonString().Contains("nvidia.com/gpu", StringComparison.Ordinal)) ? "cuda" : "cpu";
        foreach (var workload in all.Workloads)
        {
            var image = workload.Container.Text("image");
            if (image != $"ganymede:{version}-{flavour}")
                yield return $"{workload.Name} runs image {image}";
            if (workload.Program is not { } program || !File.Exists(Repository.File("src", program, $"{program}.csproj")) || Source(workload.Name) != program)
                yield return $"{workload.Name} runs {workload.Container.At("command")?.ToJsonString()}, not its program";
        }
    }

    /// <summary>What Kubernetes calls restricted, with a root file system that cannot be written.</summary>
    public static IEnumerable<string> Security(Manifests all)
    {
        foreach (var workload in all.Workloads)
        {
            var (pod, container) = (workload.Pod, workload.Container);
            (bool Holds, string What)[] demands =
            [
                (pod.Text("securityContext", "runAsNonRoot") == "true", "runAsNonRoot"),
                (int.TryParse(pod.Text("securityContext", "runAsUser"), out var user) && user > 0, "runAsUser"),
                (pod.Text("securityContext", "seccompProfile", "type") == "RuntimeDefault", "seccompProfile"),
                (container.Text("securityContext", "allowPrivilegeEscalation") == "false", "allowPrivilegeEscalation"),
                (container.Text("securityContext", "readOnlyRootFilesystem") == "true", "readOnlyRootFilesystem"),
                (container.At("securityContext", "capabilities", "drop")?.ToJsonString() == """["ALL"]""", "capabilities"),
                (pod.Text("automountServiceAccountToken") == "false", "automountServiceAccountToken"),
                (pod.Text("enableServiceLinks") == "false", "enableServiceLinks"),
                (pod.Text("hostNetwork") is null && pod.Text("hostPID") is null && pod.Text("hostIPC") is null, "host namespaces"),
            ];
            foreach (var (_, what) in demands.Where(demand => !demand.Holds))
                yield return $"{workload.Name}: {what}";
        }
    }

    /// <summary>Whoever is asked to end has the time that the programs take for it.</summary>
    public static IEnumerable<string> Shutdown(Manifests all) =>
        from workload in all.Workloads
        let granted = TimeSpan.FromSeconds(double.Parse(workload.Pod.Text("terminationGracePeriodSeconds") ?? "30", System.Globalization.CultureInfo.InvariantCulture))
        let needed = ClusterProgram.ShutdownDeadline + (workload.Name == "gpu-node" ? Deadlines.Leave : TimeSpan.Zero)
        where granted < needed
        select $"{workload.Name} has {granted.TotalSeconds:0} s to end and may need {needed.TotalSeconds:0} s";

    public static IEnumerable<string> Resources(Manifests all) =>
        from workload in all.Workloads
        from wanted in new[] { ("requests", "cpu"), ("requests", "memory"), ("limits", "memory") }
        where workload.Container.Text("resources", wanted.Item1, wanted.Item2) is null
        select $"{workload.Name}: no {wanted.Item1} of {wanted.Item2}";

    /// <summary>Mounts have volumes, volumes have claims, settings are there; runs lie at one path everywhere, and what is written can be written to.</summary>
    public static IEnumerable<string> Volumes(Manifests all)
    {
        foreach (var workload in all.Workloads)
        {
            var volumes = workload.Pod.List("volumes").ToDictionary(volume => volume.Text("name")!);
            var mounts = workload.Container.List("volumeMounts").ToArray();
            foreach (var mount in mounts.Where(mount => !volumes.ContainsKey(mount.Text("name")!)))
                yield return $"{workload.Name} mounts {mount.Text("name")}, which is no volume";
            foreach (var claim in volumes.Values.Select(volume => volume.Text("persistentVolumeClaim", "claimName")).OfType<string>())
            {
                if (all.OfKind("PersistentVolumeClaim").FirstOrDefault(other => Manifests.Name(other) == claim) is not { } found || found.At("spec", "accessModes")?.ToJsonString() != """["ReadWriteMany"]""")
                    yield return $"{workload.Name}: claim {claim} is not there, or not for many";
            }

            foreach (var map in workload.Container.List("envFrom").Select(source => source.Text("configMapRef", "name")))
            {
                if (!all.OfKind("ConfigMap").Any(other => Manifests.Name(other) == map))
                    yield return $"{workload.Name}: ConfigMap {map} is not there";
            }

            string? At(string path) => mounts.Where(mount => path.StartsWith(mount.Text("mountPath")!, StringComparison.Ordinal)).Select(mount => mount.Text("name")).FirstOrDefault();
            if (At("/tmp") is null)
                yield return $"{workload.Name} cannot write to /tmp";
            if (workload.Name != "lighthouse" && (At("/shared") is not { } shared || !volumes.TryGetValue(shared, out var volume) || volume["persistentVolumeClaim"] is null))
                yield return $"{workload.Name} has no shared folder";
            if (workload.Name == "gpu-node" && (At("/dev/shm") is not { } shm || !volumes.TryGetValue(shm, out var memory) || memory.Text("emptyDir", "medium") != "Memory"))
                yield return $"{workload.Name}: /dev/shm is not in memory";
            if (workload.Name == "gpu-node" && At(workload.Configuration("gpu-node-0")["Node:CacheFolder"] ?? "") is null)
                yield return $"{workload.Name} cannot write to its cache";
        }
    }

    /// <summary>A drain takes no majority of the Lighthouses, and one node at a time.</summary>
    public static IEnumerable<string> Disruption(Manifests all)
    {
        var lighthouses = all.Workloads.Single(workload => workload.Name == "lighthouse");
        var majority = lighthouses.Replicas / 2 + 1;
        if (Budget(all, lighthouses).Number("spec", "minAvailable") is not { } least || least < majority || least >= lighthouses.Replicas)
            yield return $"a drain may leave fewer than {majority} of {lighthouses.Replicas} Lighthouses, or never end";
        if (Budget(all, all.Workloads.Single(workload => workload.Name == "gpu-node"))?.Text("spec", "maxUnavailable") != "1")
            yield return "a drain may take several GPU nodes at once";
    }

    /// <summary>Whoever has CUDA devices asks for as many GPUs, and may go where GPUs are.</summary>
    public static IEnumerable<string> Devices(Manifests all)
    {
        foreach (var workload in all.Workloads)
        {
            var devices = workload.Configuration(workload.PodNames.First())["Node:Devices"]?.Split(',').Count(device => device.StartsWith("cuda", StringComparison.Ordinal)) ?? 0;
            var limit = workload.Container.Text("resources", "limits", "nvidia.com/gpu") ?? "0";
            if (limit != $"{devices}")
                yield return $"{workload.Name} has {devices} CUDA devices and {limit} GPUs";
            if (devices > 0 && !workload.Pod.List("tolerations").Any(toleration => toleration.Text("key") == "nvidia.com/gpu"))
                yield return $"{workload.Name} does not tolerate nodes with GPUs";
        }
    }

    private static JsonObject? Budget(Manifests all, Workload workload) =>
        all.OfKind("PodDisruptionBudget").FirstOrDefault(budget => budget.Map("spec", "selector", "matchLabels").IsPartOf(workload.Labels) && budget.Map("spec", "selector", "matchLabels").Count > 1);

    /// <summary>Everything that binds to a section in this workload's program.</summary>
    private static Type[] OptionsOf(string section, string workload) => section.ToUpperInvariant() switch
    {
        "CLUSTER" => [typeof(ClusterNodeOptions)],
        "HTTP" => workload == "coordinator" ? [typeof(HttpEndpointOptions), typeof(ApiOptions)] : [typeof(HttpEndpointOptions)],
        "DATA" => [typeof(DataEndpointOptions)],
        "NODE" => [typeof(GpuNodeOptions)], // its name is read by all programs
        _ => [],
    };

    private static IEnumerable<string> Bind(IConfigurationSection section, Type type, Workload workload)
    {
        var options = Activator.CreateInstance(type)!;
        try
        {
            section.Bind(options);
        }
        catch (InvalidOperationException error)
        {
            return [error.Message];
        }

        List<string> faults = [];
        using var key = new TemporaryKey();
        if (options is ApiOptions { ApiKeyFile: { } file } api)
        {
            var secrets = workload.Pod.List("volumes").Where(volume => volume["secret"] is not null).Select(volume => volume.Text("name"));
            if (!workload.Container.List("volumeMounts").Any(mount => secrets.Contains(mount.Text("name")) && file.StartsWith(mount.Text("mountPath") + "/", StringComparison.Ordinal)))
                faults.Add($"Http:ApiKeyFile: {file} lies in no mounted secret");
            api.ApiKeyFile = key.Path; // in the place of the secret's
        }

        List<ValidationResult> problems = [];
        Validator.TryValidateObject(options, new ValidationContext(options), problems, validateAllProperties: true);
        return [.. faults, .. problems.Select(problem => problem.ErrorMessage ?? "")];
    }

    private sealed class TemporaryKey : IDisposable
    {
        public TemporaryKey() => File.WriteAllText(Path, new string('k', 32));

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }

    private static string Source(string workload) => workload switch
    {
        "lighthouse" => "Lighthouse",
        "coordinator" => "Coordinator",
        "gpu-node" => "GpuNode",
        _ => "",
    };

    [GeneratedRegex("<Version>(.*)</Version>")]
    private static partial Regex VersionOfBuild();
}
