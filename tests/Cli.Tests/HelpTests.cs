using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ganymede.Tests;

public sealed partial class HelpTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("train")]
    [InlineData("generate")]
    [InlineData("evaluate")]
    [InlineData("tune")]
    [InlineData("demo")]
    [InlineData("presets")]
    [InlineData("doctor")]
    [InlineData("version")]
    [InlineData("up")]
    [InlineData("status")]
    [InlineData("down")]
    [InlineData("logs")]
    [InlineData("bench allreduce")]
    public async Task Every_option_says_what_it_takes_and_what_happens_without_it(string command)
    {
        var help = await Command.Ganymede(_folder.Path, [.. command.Split(' '), "--help"]);

        Assert.Equal(0, help.ExitCode);
        Assert.Contains($"./ganymede {command}", help.Output, StringComparison.Ordinal);
        var options = OptionLine().Matches(help.Output);
        Assert.NotEmpty(options);
        foreach (Match option in options)
        {
            var (unit, text) = (option.Groups["unit"].Value, option.Groups["text"].Value);
            Assert.False(string.IsNullOrWhiteSpace(text), option.Value);
            if (unit.Length > 0)
                Assert.True(WithoutDefault.Contains(option.Groups["name"].Value) || text.Contains("[default: ", StringComparison.Ordinal), option.Value);
        }
    }

    /// <summary>Required, repeatable, or a choice of where to work: leaving them out needs no figure to explain it.</summary>
    private static readonly string[] WithoutDefault = ["--run", "--count", "--set", "--coordinator", "--cluster"];

    [Fact]
    public async Task The_root_lists_the_commands_and_the_exit_codes()
    {
        var help = await Command.Ganymede(_folder.Path, "--help");

        Assert.Equal(0, help.ExitCode);
        foreach (var expected in new[] { "demo", "train", "generate", "evaluate", "tune", "bench", "presets", "doctor", "version", "130 interrupted" })
            Assert.Contains(expected, help.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("presets --json")]
    [InlineData("presets cgan-32 --set batch=128 --json")]
    [InlineData("doctor --json")]
    [InlineData("version --json")]
    public async Task With_json_standard_output_has_one_object_and_nothing_else(string line)
    {
        var run = await Command.Ganymede(_folder.Path, line.Split(' '));

        Assert.Equal(0, run.ExitCode);
        Assert.Single(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        using var json = JsonDocument.Parse(run.Output);
        Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
    }

    [Fact]
    public async Task Presets_shows_what_an_override_makes_of_one()
    {
        var run = await Command.Ganymede(_folder.Path, "presets", "cgan-32", "--set", "generator.width=96", "--json");

        using var json = JsonDocument.Parse(run.Output);
        Assert.Equal(96, json.RootElement.GetProperty("generator").GetProperty("width").GetInt32());
    }

    [Fact]
    public async Task Doctor_looks_at_everything_a_run_needs_and_finds_this_machine_fit()
    {
        var run = await Command.Ganymede(_folder.Path, "doctor", "--json");

        Assert.Equal(0, run.ExitCode);
        using var json = JsonDocument.Parse(run.Output);
        var findings = json.RootElement.GetProperty("findings").EnumerateArray()
            .ToDictionary(finding => finding.GetProperty("check").GetString()!, finding => finding.GetProperty("state").GetString());
        foreach (var check in new[] { "sdk", "system", "native library", "programs", "cores", "memory", "device cpu", "ports", "disk", "data fashion-mnist", "data fashion-mnist-full" })
            Assert.True(findings.TryGetValue(check, out var state) && state != "fail", $"{check}: {state}");
    }

    [Fact]
    public async Task Doctor_ends_with_1_and_a_cure_when_something_needed_is_missing()
    {
        var start = Command.StartInfo(_folder.Path, "doctor");
        start.Environment["GANYMEDE_PROGRAMS"] = _folder["nowhere"];

        var run = await Command.RunAsync(start);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("FAIL  programs", run.Output, StringComparison.Ordinal);
        Assert.Contains("cure: ", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Presets_are_read_without_loading_libtorch()
    {
        var start = Command.StartInfo(_folder.Path, "train", "--preset", "cgan-32", "--set", "batsh=32");
        start.Environment["LD_DEBUG"] = "files";
        start.Environment["LD_DEBUG_OUTPUT"] = _folder["loader"];

        var run = await Command.RunAsync(start);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("batch", run.Error, StringComparison.Ordinal); // it was read: its nearest key is named
        var loaded = string.Concat(Directory.GetFiles(_folder.Path, "loader*").Select(File.ReadAllText));
        Assert.Contains("libcoreclr", loaded, StringComparison.Ordinal); // the loader did report
        Assert.DoesNotContain("libtorch", loaded, StringComparison.OrdinalIgnoreCase);
    }

    [GeneratedRegex(@"^  (?<name>--[a-z-]+)(?: <(?<unit>[^>]+)>)?(?: \(REQUIRED\))?  +(?<text>.+)$", RegexOptions.Multiline)]
    private static partial Regex OptionLine();
}
