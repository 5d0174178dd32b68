using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Ganymede.Cli;
using Ganymede.Messages;

namespace Ganymede.Tests;

/// <summary>The programs started by hand, as on a machine of a real cluster.</summary>
public sealed class ProgramTests
{
    private static readonly string[] _logFields = ["Timestamp", "LogLevel", "Category", "Message"];

    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("Lighthouse", "lighthouse: Cluster:SeedNodes is empty")]
    [InlineData("Coordinator", "coordinator: Cluster:SeedNodes is empty")]
    [InlineData("GpuNode", "gpu-node: Cluster:SeedNodes is empty")]
    [InlineData("Lighthouse", "names only this node itself", "--Cluster:Port=4053", "--Cluster:SeedNodes:0=akka.tcp://ganymede@127.0.0.1:4053")]
    [InlineData("GpuNode", "'tpu' is neither cpu nor cuda:N", "--Node:Devices=tpu", "--bootstrap")]
    [InlineData("Lighthouse", "Cluster:Port", "--Cluster:Port=many", "--bootstrap")]
    [InlineData("GpuNode", "GpuNodeOptions.Threads must be between 1 and 256", "--Node:Threads=0", "--bootstrap")]
    [InlineData("Lighthouse", "Logging:Format: 'xml' is neither text nor json", "--Logging:Format=xml", "--bootstrap")]
    [InlineData("Lighthouse", "Pbm:Host: 'nowhere' is not an IP address", "--Pbm:Host=nowhere", "--bootstrap")]
    public async Task Wrong_settings_end_it_with_2_and_one_line_that_names_them(string program, string expected, params string[] settings)
    {
        var finished = await Command.RunAsync(StartInfo(program, settings));

        Assert.Equal(2, finished.ExitCode);
        Assert.Contains(expected, finished.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", finished.Error + finished.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Lighthouse", "Cluster:Port")]
    [InlineData("Lighthouse", "Http:Port")]
    [InlineData("Coordinator", "Data:Port")]
    [InlineData("GpuNode", "Data:Port")]
    [InlineData("Lighthouse", "Pbm:Port")]
    public async Task A_port_in_use_ends_it_with_2_and_a_line_that_says_so(string program, string setting)
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        var port = ((IPEndPoint)taken.LocalEndPoint!).Port;

        var finished = await Command.RunAsync(StartInfo(program, "--bootstrap", $"--{setting}={port}"));

        Assert.Equal(2, finished.ExitCode);
        Assert.Contains("in use", finished.Error, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(setting, finished.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Lighthouse", "192.0.2.1")]
    [InlineData("GpuNode", "nowhere.invalid")]
    public async Task An_address_of_no_machine_or_of_another_ends_it_with_2_and_a_line_that_says_so(string program, string address)
    {
        var finished = await Command.RunAsync(StartInfo(program, "--bootstrap", $"--Cluster:BindHostName={address}"));

        Assert.Equal(2, finished.ExitCode);
        Assert.Contains("Choose an address of this machine", finished.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_log_is_JSON_an_object_a_line_when_it_is_told_to()
    {
        var start = StartInfo("Lighthouse", "--bootstrap", "--Logging:Format=json");
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        List<string> lines = [];
        while (lines.Count < 5 && await process.StandardOutput.ReadLineAsync().WaitAsync(_deadline) is { } line)
            lines.Add(line);
        process.Kill();

        Assert.All(lines.Where(line => Announcement.Parse(line) is null), line =>
        {
            var entry = System.Text.Json.JsonDocument.Parse(line).RootElement;
            foreach (var name in _logFields)
                Assert.False(string.IsNullOrEmpty(entry.GetProperty(name).GetString()), line);
        });
    }

    [Fact]
    public async Task Programs_started_by_hand_find_each_other_train_for_a_remote_command_and_end_on_SIGTERM()
    {
        using var folder = new TemporaryFolder();
        await using var lighthouse = await Started.AsyncStart("Lighthouse", "--bootstrap");
        var seed = $"--Cluster:SeedNodes:0={lighthouse.Announcement.Akka}";
        await using var coordinator = await Started.AsyncStart("Coordinator", seed);
        await using var node = await Started.AsyncStart("GpuNode", seed);
        using var http = new HttpClient();
        foreach (var program in new[] { lighthouse, coordinator, node })
        {
            await program.Ready(http);
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri($"{program.Announcement.Http}/healthz/live"))).StatusCode);
        }

        var trained = await Run.Json(folder, "train", "--steps", "2", "--batch", "16", "--nodes", "1", "--out", folder["run"], "--json",
            "--coordinator", coordinator.Announcement.Http);

        Assert.Equal(2, trained.GetProperty("steps").GetInt64());
        foreach (var program in new[] { node, coordinator, lighthouse })
            Assert.Equal(0, await program.Terminate());
    }

    private static ProcessStartInfo StartInfo(string program, params string[] settings) =>
        new(Programs.DotNet, [Path.Combine(AppContext.BaseDirectory, "..", "..", program, "release", $"Ganymede.{program}.dll"), .. settings]);

    /// <summary>A program that has announced its ports.</summary>
    private sealed class Started(Process process, Announcement announcement) : IAsyncDisposable
    {
        public Announcement Announcement { get; } = announcement;

        public static async Task<Started> AsyncStart(string program, params string[] settings)
        {
            var start = StartInfo(program, settings);
            start.RedirectStandardOutput = true;
            var process = Process.Start(start)!;
            while (await process.StandardOutput.ReadLineAsync().WaitAsync(_deadline) is { } line)
            {
                if (Announcement.Parse(line) is not { } announced)
                    continue;
                _ = process.StandardOutput.ReadToEndAsync(); // a full pipe would stop it
                return new Started(process, announced);
            }

            throw new InvalidOperationException($"{program} ended with {process.ExitCode} before it announced its ports.");
        }

        public Task Ready(HttpClient http) => Command.Until(
            () => http.GetAsync(new Uri($"{Announcement.Http}/healthz/ready")).GetAwaiter().GetResult().StatusCode == HttpStatusCode.OK,
            _deadline, $"{Announcement.Role} to be ready");

        public async Task<int> Terminate()
        {
            Command.Signal(process.Id, 15);
            await process.WaitForExitAsync().WaitAsync(_deadline);
            return process.ExitCode;
        }

        public ValueTask DisposeAsync()
        {
            if (!process.HasExited)
                process.Kill();
            process.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
