using System.CommandLine;
using System.Text.RegularExpressions;

namespace Ganymede.Cli;

/// <summary>The options of every command that uses a cluster: how large a local one is, or where another one is.</summary>
internal sealed partial class ClusterFlags
{
    private readonly Option<int?> _nodes = OptionKinds.Whole("--nodes", "count", "GPU nodes (processes) to work on.", 1, 1024, 2);

    private readonly Option<string?> _devices = OptionKinds.Text(
        "--devices", "list", "Devices of each node, one replica each, separated by commas: cpu, cuda:0, cuda:1, …", "cpu");

    private readonly Option<int?> _threads = OptionKinds.Whole(
        "--threads", "count", "Threads of each replica. Part of what fixes the bits of a result.", 1, 256, 1);

    private readonly Option<string?> _overlap = OptionKinds.Text(
        "--overlap", "on|off", "Begin the next step's work while the generator's gradients are exchanged. Changes no result.", "on");

    private readonly Option<string?> _wire = OptionKinds.Text(
        "--wire", "exact|bfloat16", "What gradients travel as between nodes: bfloat16 halves the bytes, but the result then depends on the number of nodes.", "exact");

    private readonly Option<string?> _coordinator = OptionKinds.Text(
        "--coordinator", "url", "Work on a running cluster through its Coordinator, such as http://127.0.0.1:8080, rather than on a local one started for it.");

    private readonly Option<string?> _keyFile = OptionKinds.Text(
        "--api-key-file", "file", $"File with the API key of the Coordinator that --coordinator names. [default: the variable {KeySource.Variable}]");
    private readonly Option<string?> _cluster = OptionKinds.Text(
        "--cluster", "folder", "Work on the local cluster that 'up' started in this folder, rather than on one started for the command.");

    /// <summary>What the command line said of the cluster.</summary>
    /// <param name="Key">The Coordinator's API key; null for none.</param>
    public sealed record Values(
        int Nodes, IReadOnlyList<string> Devices, int Threads, Uri? Coordinator, bool Overlap = true, string Wire = "exact", string? Key = null);

    public void AddTo(Command command, bool withCoordinator = true)
    {
        command.Add(_nodes);
        command.Add(_devices);
        command.Add(_threads);
        command.Add(_overlap);
        command.Add(_wire);
        if (!withCoordinator)
            return;
        command.Add(_coordinator);
        command.Add(_keyFile);
        command.Add(_cluster);
    }

    public Values Read(ParseResult parsed, List<string> problems)
    {
        var text = parsed.GetValue(_devices)!;
        var devices = text.Split(',', StringSplitOptions.TrimEntries);
        foreach (var device in devices.Where(device => !DeviceName().IsMatch(device)).Distinct())
            problems.Add($"--devices {text}: '{device}' is not a device; cpu, cuda:0, cuda:1, … are, separated by commas.");

        var overlap = parsed.GetValue(_overlap)!;
        if (overlap is not ("on" or "off"))
            problems.Add($"--overlap {overlap}: on or off.");

        var wire = parsed.GetValue(_wire)!;
        if (wire is not ("exact" or "bfloat16"))
            problems.Add($"--wire {wire}: exact or bfloat16.");

        Uri? coordinator = null;
        var nodes = parsed.GetValue(_nodes)!.Value;
        if (parsed.GetResult(_cluster) is not null && parsed.GetValue(_cluster) is { } folder)
        {
            if (parsed.GetResult(_coordinator) is not null && parsed.GetValue(_coordinator) is not null)
                problems.Add("--cluster, --coordinator: one of them says where to work.");
            foreach (var option in new Option[] { _devices, _threads, _overlap, _wire }.Where(parsed.Given))
                problems.Add($"{option.Name}: a running cluster's nodes have devices, threads, overlap and wire of their own; leave it out with --cluster.");
            var running = new ClusterFolder(folder);
            coordinator = new Uri(running.Coordinator.Http);
            if (!parsed.Given(_nodes))
                nodes = running.Keeper?.Nodes ?? nodes;
        }
        if (parsed.GetResult(_coordinator) is not null && parsed.GetValue(_coordinator) is { } address)
        {
            if (!Uri.TryCreate(address, UriKind.Absolute, out coordinator) || coordinator.Scheme is not ("http" or "https"))
                problems.Add($"--coordinator {address}: a URL such as http://127.0.0.1:8080 is expected.");
            else if (coordinator.UserInfo.Length > 0)
                problems.Add($"--coordinator {coordinator.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)}: without a user and password; the API key goes into --api-key-file.");
            foreach (var option in new Option[] { _devices, _threads, _overlap, _wire }.Where(parsed.Given))
                problems.Add($"{option.Name}: a running cluster's nodes have devices, threads, overlap and wire of their own; leave it out with --coordinator.");
        }

        var keyFile = parsed.GetResult(_keyFile) is null ? null : parsed.GetValue(_keyFile);
        if (keyFile is not null && parsed.GetValue(_coordinator) is null && parsed.GetValue(_cluster) is null)
            problems.Add("--api-key-file: the key of which Coordinator? It goes with --coordinator or --cluster; a cluster started for the command needs none.");
        var key = KeySource.Read(keyFile, isLocal: parsed.GetValue(_coordinator) is null, problems);
        return new(nodes, devices, parsed.GetValue(_threads)!.Value, coordinator, overlap == "on", wire, key);
    }

    [GeneratedRegex(@"^(cpu|cuda:[0-9]{1,2})\z")]
    private static partial Regex DeviceName();
}
