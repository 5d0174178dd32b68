using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Ganymede.Tests;

/// <summary>
/// The launcher script in a checkout of its own, with an SDK that records what it is asked: so the script's decisions are
/// tested without building anything.
/// </summary>
public sealed class LauncherTests : IDisposable
{
    /// <summary>Does what `dotnet build`, `dotnet test` and `dotnet X.dll` leave behind, and writes down its arguments.</summary>
    private const string RecordingDotnet = """
        #!/usr/bin/env bash
        echo "$@" >>"$RECORD"
        case $1 in
            build)
                [ -z "${FAIL_BUILD:-}" ] || { echo "Widget.cs(3,7): error CS0000: no"; exit 1; }
                for argument; do case $argument in -p:SharedCompilationId=*) compiler=${argument#*=} ;; esac; done
                bash -c 'read -rt 60 <> <(:)' compiler "-pipename:$compiler" >/dev/null 2>&1 &
                echo $! >>"$CHECKOUT/compilers"
                touch "${TMPDIR:-/tmp}/$compiler" && echo "${TMPDIR:-/tmp}/$compiler" >>"$CHECKOUT/sockets"
                sleep "${BUILD_SECONDS:-0}"
                for program in Cli Lighthouse Coordinator GpuNode Bench; do
                    mkdir -p "$CHECKOUT/artifacts/bin/$program/release"
                    touch "$CHECKOUT/artifacts/bin/$program/release/Ganymede.$program.dll"
                done ;;
            test)
                name=$(basename "$(dirname "$(dirname "$2")")")
                while [ $# -gt 0 ]; do [ "$1" = --results-directory ] && results=$2; shift; done
                mkdir -p "$results"
                cat "$CHECKOUT/counters-$name" >"$results/$name.trx" 2>/dev/null
                exit "$(cat "$CHECKOUT/exit-$name" 2>/dev/null || echo 0)" ;;
            *)
                shift
                echo "ran with:$(printf ' <%s>' "$@")"
                cat
                exit "${CLI_EXIT:-0}" ;;
        esac
        """;

    private static readonly string[] BinFolders = ["/usr/bin", "/bin"];

    private static readonly string[] Tools =
    [
        "bash", "env", "readlink", "dirname", "basename", "sed", "grep", "sort", "find", "sha256sum", "cat", "mkdir", "rm", "flock", "touch", "printf", "sleep", "head",
    ];

    private readonly TemporaryFolder _folder = new();

    public LauncherTests()
    {
        File.Copy(LauncherPath(), _folder["ganymede"]);
        _folder.Write("global.json", """{ "sdk": { "version": "10.0.100", "rollForward": "latestFeature" } }""");
        _folder.Write("src/Cli/Program.cs", "return 0;");
        _folder.Write("tests/A.Tests/A.Tests.csproj", "");
        _folder.Write("tests/B.Tests/B.Tests.csproj", "");
        AddSdk("sdk", "10.0.401");

        // Everything a shell script needs, and no dotnet.
        Directory.CreateDirectory(_folder["tools"]);
        foreach (var tool in Tools)
        {
            if (BinFolders.Select(bin => Path.Combine(bin, tool)).FirstOrDefault(File.Exists) is { } found)
                File.CreateSymbolicLink(Path.Combine(_folder["tools"], tool), found);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Without_an_SDK_it_says_what_is_needed_and_how_to_get_it()
    {
        var run = await RunAsync(["train"], start => start.Environment.Remove("DOTNET_ROOT"));

        Assert.Equal(2, run.ExitCode);
        Assert.Empty(run.Output);
        var line = Assert.Single(run.ErrorLines);
        Assert.Contains(".NET SDK 10.0.100 or a newer 10.0 is needed and none was found", line, StringComparison.Ordinal);
        Assert.Contains("dotnet-install.sh", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("9.0.300")]
    [InlineData("10.0.099")]
    [InlineData("11.0.100")]
    public async Task An_SDK_that_does_not_fit_is_named(string version)
    {
        AddSdk("other", version);

        var run = await RunAsync(["train"], start => start.Environment["DOTNET_ROOT"] = _folder["other"]);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"found only {version} in {_folder["other"]}", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_SDK_is_found_beside_the_dotnet_on_the_path_and_in_the_usual_folders()
    {
        foreach (var prepare in new Action<ProcessStartInfo>[]
        {
            start => start.Environment["PATH"] += ":" + _folder["sdk"],
            start => start.Environment["GANYMEDE_SDK_FOLDERS"] = "/nonexistent:" + _folder["sdk"],
        })
        {
            var run = await RunAsync(["x"], start =>
            {
                start.Environment.Remove("DOTNET_ROOT");
                prepare(start);
            });
            Assert.Equal(0, run.ExitCode);
        }
    }

    [Fact]
    public async Task It_builds_once_and_again_only_after_a_source_changed()
    {
        var first = await RunAsync(["x"]);
        Assert.Contains("first start", first.Error, StringComparison.Ordinal);
        Assert.Equal(1, Builds());

        var second = await RunAsync(["x"]);
        Assert.Empty(second.Error);
        Assert.Equal(1, Builds());

        _folder.Write("src/Cli/Program.cs", "return 1;");
        var third = await RunAsync(["x"]);
        Assert.Contains("sources changed", third.Error, StringComparison.Ordinal);
        Assert.Equal(2, Builds());

        _folder.Write("tests/A.Tests/ATests.cs", "// no part of the programs");
        await RunAsync(["x"]);
        Assert.Equal(2, Builds());
    }

    [Fact]
    public async Task It_builds_again_when_a_program_is_missing_or_a_library_it_links_to_is_gone()
    {
        await RunAsync(["x"]);
        File.Delete(_folder["artifacts/bin/GpuNode/release/Ganymede.GpuNode.dll"]);
        await RunAsync(["x"]);
        Assert.Equal(2, Builds());

        File.CreateSymbolicLink(_folder["artifacts/bin/Cli/release/Akka.dll"], _folder["cleared/akka/Akka.dll"]);
        await RunAsync(["x"]);
        Assert.Equal(3, Builds());
    }

    [Fact]
    public async Task Nothing_to_build_costs_less_than_three_tenths_of_a_second()
    {
        for (var i = 0; i < 300; i++)
            _folder.Write($"src/Cli/File{i}.cs", "");
        await RunAsync(["x"]);

        // The best of a few: other work on the machine only ever adds to it.
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await RunAsync(["x"]);
            best = TimeSpan.FromTicks(Math.Min(best.Ticks, Stopwatch.GetElapsedTime(start).Ticks));
        }

        Assert.True(best < TimeSpan.FromSeconds(0.3), $"{best.TotalSeconds:0.00} s");
    }

    [Fact]
    public async Task A_failed_build_shows_its_log_and_is_tried_again()
    {
        var failed = await RunAsync(["x"], start => start.Environment["FAIL_BUILD"] = "1");
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("error CS0000", failed.Error, StringComparison.Ordinal);
        Assert.Empty(failed.Output);

        var next = await RunAsync(["x"]);
        Assert.Equal(0, next.ExitCode);
        Assert.Equal(2, Builds());
    }

    [Fact]
    public async Task Two_launchers_at_once_build_once()
    {
        void Slowly(ProcessStartInfo start) => start.Environment["BUILD_SECONDS"] = "1";
        var runs = await Task.WhenAll(RunAsync(["x"], Slowly), RunAsync(["x"], Slowly));

        Assert.All(runs, run => Assert.Equal(0, run.ExitCode));
        Assert.Equal(1, Builds());
    }

    [Fact]
    public async Task Arguments_input_and_exit_code_pass_through_from_any_folder_and_through_a_link()
    {
        Directory.CreateDirectory(_folder["elsewhere"]);
        File.CreateSymbolicLink(_folder["elsewhere/link"], _folder["ganymede"]);

        var run = await RunAsync(["train", "--set", "a b=*", ""], start =>
        {
            start.ArgumentList[0] = "./link";
            start.WorkingDirectory = _folder["elsewhere"];
            start.Environment["CLI_EXIT"] = "130";
        }, "typed");

        Assert.Equal(130, run.ExitCode);
        Assert.Equal("ran with: <train> <--set> <a b=*> <>\ntyped", run.Output);
    }

    [Fact]
    public async Task The_build_leaves_no_server_behind_and_takes_the_libtorch_asked_for()
    {
        var run = await RunAsync(["train", "--torch=cuda"]);

        Assert.Equal("ran with: <train>\n", run.Output);
        var build = Assert.Single(Record(), line => line.StartsWith("build", StringComparison.Ordinal));
        foreach (var expected in new[] { "-c Release", "-nodeReuse:false", "-p:SharedCompilationId=ganymede-", "-p:Torch=cuda" })
            Assert.Contains(expected, build, StringComparison.Ordinal);
        var compiler = int.Parse(Assert.Single(File.ReadAllLines(_folder["compilers"])), CultureInfo.InvariantCulture);
        await Command.Until(() => !Command.IsAlive(compiler), TimeSpan.FromSeconds(10), "the end of the build's compiler");
        Assert.False(File.Exists(Assert.Single(File.ReadAllLines(_folder["sockets"]))));

        await RunAsync(["train"]); // the other libtorch: another build
        Assert.Equal(2, Builds());
        Assert.Equal(2, (await RunAsync(["--torch=tpu"])).ExitCode);
    }

    [Fact]
    public async Task Test_sums_up_all_projects_and_fails_if_any_test_did()
    {
        Counters("A.Tests", total: 7, passed: 6, failed: 0);
        Counters("B.Tests", total: 5, passed: 4, failed: 0);
        var good = await RunAsync(["test"]);
        Assert.Equal(0, good.ExitCode);
        Assert.Equal("10 passed, 0 failed, 2 skipped", LastLine(good));

        Counters("B.Tests", total: 5, passed: 3, failed: 2, exitCode: 1);
        var bad = await RunAsync(["test"]);
        Assert.Equal(1, bad.ExitCode);
        Assert.Equal("9 passed, 2 failed, 1 skipped", LastLine(bad));
    }

    [Fact]
    public async Task A_test_run_that_breaks_off_counts_as_failed()
    {
        Counters("A.Tests", total: 7, passed: 7, failed: 0);
        _folder.Write("exit-B.Tests", "134");

        var run = await RunAsync(["test"]);

        Assert.Equal(1, run.ExitCode);
        Assert.Equal("7 passed, 1 failed, 0 skipped", LastLine(run));
        Assert.Contains("B.Tests: the test run ended with exit code 134", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Test_takes_project_names_and_a_filter()
    {
        Counters("B.Tests", total: 1, passed: 1, failed: 0);

        var run = await RunAsync(["test", "B", "--filter", "FullyQualifiedName~Png"]);

        Assert.Equal("1 passed, 0 failed, 0 skipped", LastLine(run));
        var test = Assert.Single(Record(), line => line.StartsWith("test", StringComparison.Ordinal));
        Assert.Contains("Ganymede.B.Tests.dll --filter FullyQualifiedName~Png", test, StringComparison.Ordinal);

        Assert.Equal(1, (await RunAsync(["test", "A"])).ExitCode); // no test at all is no success
        Assert.Equal(2, (await RunAsync(["test", "Zebra"])).ExitCode);
        Assert.Equal(2, (await RunAsync(["test", "--fliter", "x"])).ExitCode);
    }

    private Task<Finished> RunAsync(string[] arguments, Action<ProcessStartInfo>? prepare = null, string input = "")
    {
        var start = new ProcessStartInfo("bash", [_folder["ganymede"], .. arguments]) { WorkingDirectory = _folder.Path };
        start.Environment["PATH"] = _folder["tools"];
        start.Environment["HOME"] = _folder.Path;
        start.Environment["DOTNET_ROOT"] = _folder["sdk"];
        start.Environment["GANYMEDE_SDK_FOLDERS"] = "";
        start.Environment["RECORD"] = _folder["record"];
        start.Environment["CHECKOUT"] = _folder.Path;
        start.Environment.Remove("GANYMEDE_TORCH");
        prepare?.Invoke(start);
        return Command.RunAsync(start, input);
    }

    private void AddSdk(string folder, string version)
    {
        Directory.CreateDirectory(_folder[$"{folder}/sdk/{version}"]);
        File.SetUnixFileMode(_folder.Write($"{folder}/dotnet", RecordingDotnet), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private void Counters(string project, int total, int passed, int failed, int exitCode = 0)
    {
        _folder.Write($"counters-{project}", $"""<TestRun><ResultSummary outcome="x"><Counters total="{total}" executed="{passed + failed}" passed="{passed}" failed="{failed}" error="0" /></ResultSummary></TestRun>""");
        _folder.Write($"exit-{project}", $"{exitCode}");
    }

    private string[] Record() => File.ReadAllLines(_folder["record"]);

    private int Builds() => Record().Count(line => line.StartsWith("build", StringComparison.Ordinal));

    private static string LastLine(Finished run) => run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];

    private static string LauncherPath([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "ganymede"));
}
