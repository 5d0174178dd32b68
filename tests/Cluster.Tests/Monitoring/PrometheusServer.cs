using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>A Prometheus on loopback with the configuration and rules of deploy/monitoring.</summary>
internal sealed class PrometheusServer : IAsyncDisposable
{
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private readonly Process _process;
    private readonly Task<string> _log;
    private readonly string _address;

    /// <param name="folder">Gets its configuration, targets and data.</param>
    /// <param name="clusterFile">Of the cluster that it scrapes.</param>
    /// <exception cref="Xunit.Sdk.SkipException">Prometheus is not there.</exception>
    public PrometheusServer(string folder, string clusterFile)
    {
        var monitoring = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "deploy", "monitoring"));
        Directory.CreateDirectory(folder);
        foreach (var file in new[] { "prometheus.local.yaml", "rules.yaml" })
            File.Copy(Path.Combine(monitoring, file), Path.Combine(folder, file));
        using (var targets = Process.Start(new ProcessStartInfo(Path.Combine(monitoring, "targets.sh"), [clusterFile]) { RedirectStandardOutput = true })!)
        {
            File.WriteAllText(Path.Combine(folder, "targets.json"), targets.StandardOutput.ReadToEnd());
            targets.WaitForExit();
            Assert.Equal(0, targets.ExitCode);
        }

        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            _address = $"127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }

        try
        {
            _process = Process.Start(new ProcessStartInfo("prometheus",
                ["--config.file=prometheus.local.yaml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=1h", $"--web.listen-address={_address}", "--log.level=warn"])
            {
                WorkingDirectory = folder, RedirectStandardError = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("prometheus is not installed (Debian: apt-get install prometheus).");
            throw;
        }

        _log = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Number of series that an expression gives now.</summary>
    public int Series(string expression) => Ask($"query?query={Uri.EscapeDataString(expression)}") is { } data ? data.GetProperty("result").GetArrayLength() : 0;

    public JsonElement[] Rules() => Ask("rules") is { } data
        ? [.. data.GetProperty("groups").EnumerateArray().SelectMany(group => group.GetProperty("rules").EnumerateArray())] : [];

    /// <summary>Null while it is not up yet; an expression that it refuses fails the test.</summary>
    private JsonElement? Ask(string path)
    {
        Assert.False(_process.HasExited, _process.HasExited ? _log.Result : "");
        HttpResponseMessage answer;
        try
        {
            answer = _http.GetAsync(new Uri($"http://{_address}/api/v1/{path}")).GetAwaiter().GetResult();
        }
        catch (HttpRequestException)
        {
            return null;
        }

        using (answer)
        {
            var text = answer.Content.ReadAsStringAsync().GetAwaiter().GetResult();
            if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
                return null;
            Assert.True(answer.IsSuccessStatusCode, $"{path}: {text}");
            return JsonDocument.Parse(text).RootElement.GetProperty("data");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        await _log;
        _process.Dispose();
        _http.Dispose();
    }
}
