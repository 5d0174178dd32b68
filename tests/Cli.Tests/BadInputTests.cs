namespace Ganymede.Tests;

/// <summary>Every bad input that can be told without a cluster: exit code 2, one line a problem that names its cause, nothing else.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Wrong => new()
    {
        { "trian", "'trian'. Did you mean 'train'?" },
        { "augment", "'augment'" },
        { "train --step 5", "'--step'. Did you mean '--steps'?" },
        { "train --steps", "'--steps'" },
        { "train --steps 0", "--steps 0: a whole number from 1" },
        { "train --steps ten", "--steps ten: a whole number" },
        { "train --steps 1.5", "--steps 1.5: a whole number" },
        { "train --nodes 0", "--nodes 0: a whole number from 1" },
        { "train --nodes -1", "--nodes -1: a whole number from 1" },
        { "train --threads 0", "--threads 0: a whole number from 1" },
        { "train --seed -1", "--seed -1: a whole number from 0" },
        { "train --seed 18446744073709551616", "--seed 18446744073709551616: a whole number" },
        { "train --max-stall 0", "--max-stall 0: a number from 0.5" },
        { "train --max-stall NaN", "--max-stall NaN: a number from 0.5" },
        { "train --sample-every -1", "--sample-every -1: a whole number from 0" },
        { "train --preset cgan-23", "cgan-23 is unknown, did you mean cgan-32?" },
        { "train --preset missing.json", "missing.json" },
        { "train --set generator.widht=64", "did you mean generator.width?" },
        { "train --set generator.width=wide", "generator.width is wide" },
        { "train --set generator.width", "generator.width" },
        { "train --data missing", "--data missing: no such data set, file or folder" },
        { "train --devices gpu", "--devices gpu: 'gpu' is not a device" },
        { "train --devices cpu,,cpu", "--devices cpu,,cpu: '' is not a device" },
        { "train --devices cuda:0", "--devices cuda:0: this build has the CPU libtorch" },
        { "train --shards 3", "--shards 3: must be a power of two" },
        { "train --batch 6 --shards 4", "--batch 6: not divisible by --shards 4" },
        { "train --nodes 5 --shards 4", "--nodes 5: more members than --shards 4" },
        { "train --nodes 3 --devices cpu,cpu --shards 4", "--devices cpu,cpu: 3 nodes with 2 replicas each are more members than --shards 4" },
        { "train --coordinator nowhere", "--coordinator nowhere: a URL" },
        { "train --coordinator ftp://127.0.0.1/", "--coordinator ftp://127.0.0.1/: a URL" },
        { "train --api-key-file key", "--api-key-file: the key of which Coordinator?" },
        { "train --coordinator http://127.0.0.1:1 --api-key-file absent", "--api-key-file absent: Could not find file" },
        { "train --coordinator http://127.0.0.1:1 --threads 2", "--threads: a running cluster's nodes have devices, threads, overlap and wire of their own" },
        { "train --rebalance maybe", "--rebalance maybe: on or off" },
        { "train --overlap maybe", "--overlap maybe: on or off" },
        { "train --wire float16", "--wire float16: exact or bfloat16" },
        { "train --resume", "--resume: which run? Name its folder with --out" },
        { "train --resume --out missing", "--resume: there is no folder" },
        { "train --resume --out empty-folder", "has no checkpoint to continue from" },
        { "evaluate --run ", "--run: is empty; folder is expected" },
        { "train --out a-file", "a file, where a folder is expected" },
        { "train --out a-run", "holds a run already (ledger.jsonl); continue it with --resume" },
        { "train --out /proc/ganymede", "--out /proc/ganymede: cannot be written to" },
        { "generate --count 10", "'--run'" },
        { "generate --run empty-folder", "'--count'" },
        { "generate --run missing --count 10", "--run missing: there is no such folder" },
        { "generate --run empty-folder --count 10", "--run empty-folder: has no checkpoint to draw from" },
        { "generate --run empty-folder --count 0", "--count 0: a whole number from 1" },
        { "generate --run empty-folder --count 10 --unit 5000", "--unit 5000: a whole number from 1 to 4,096" },
        { "generate --run empty-folder --count 10 --to s3://bucket/prefix", "--to s3://bucket/prefix: a folder is expected" },
        { "evaluate", "'--run'" },
        { "evaluate --run empty-folder", "--run empty-folder: has no checkpoint to judge" },
        { "tune --search learningRate", "--search learningRate: KEY=LOW..HIGH or KEY=VALUE,VALUE" },
        { "tune --search ema=0.9..0.5", "with LOW below HIGH" },
        { "tune --search ema=0.9..2", "ema is 2" },
        { "tune --search generatr.width=64,128", "generator.width" },
        { "tune --budget 30", "--budget 30: a time such as 90s" },
        { "tune --data missing", "--data missing" },
        { "tune --factor 1", "--factor 1: a whole number from 2" },
        { "demo --preset cgan-32", "'--preset'" },
        { "demo --steps 0", "--steps 0" },
        { "bench allreduce --members 1", "--members 1: whole numbers from 2 to 16" },
        { "bench allreduce --megabytes 1,,2", "--megabytes 1,,2: whole numbers from 1" },
        { "bench allreduce --peer nccl", "--peer nccl: gloo or none is expected" },
        { "bench allreduce --peer none --set chunk=x", "--set chunk=x: chunk=BYTES" },
        { "bench allreduce --compare algorithm=direct,ring", "--compare algorithm=direct,ring: an option of --set" },
        { "bench allreduce --compare connections=2", "--compare connections=2: an option of --set with two or more values" },
        { "bench allreduce --compare connections=1,2 --peer gloo", "--compare: stands alone" },
        { "presets article", "article is unknown" },
        { "presets --set batch=8", "--set: which preset?" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Is_refused_with_one_line_that_names_it(string line, string expected)
    {
        Directory.CreateDirectory(_folder["empty-folder"]);
        _folder.Write("a-file", "");
        _folder.Write("a-run/ledger.jsonl", "");

        var run = await Command.Ganymede(_folder.Path, line.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
        Assert.All(run.ErrorLines, text => Assert.StartsWith("ganymede: ", text, StringComparison.Ordinal));
        Assert.False(Directory.Exists(_folder["runs"]), "a run folder was left behind");
    }

    [Fact]
    public async Task All_problems_are_told_together()
    {
        var run = await Command.Ganymede(_folder.Path, "train", "--data", "missing", "--shards", "3", "--devices", "gpu", "--out", "run");

        Assert.Equal(2, run.ExitCode);
        foreach (var expected in new[] { "--data missing: ", "--shards 3: ", "--devices gpu: " })
            Assert.Single(run.ErrorLines, line => line.StartsWith($"ganymede: {expected}", StringComparison.Ordinal));
        Assert.False(Directory.Exists(_folder["run"]));
    }

    [Fact]
    public async Task With_json_the_message_still_goes_to_standard_error_alone()
    {
        var run = await Command.Ganymede(_folder.Path, "train", "--json", "--shards", "3");

        Assert.Equal(2, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Contains("--shards 3", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Coordinator_that_is_not_there_gives_exit_code_3_and_its_address()
    {
        var run = await Command.Ganymede(_folder.Path, "train", "--coordinator", "http://127.0.0.1:1", "--out", "run");

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("http://127.0.0.1:1", run.Error, StringComparison.Ordinal);
        Assert.Single(run.ErrorLines);
    }

    [Fact]
    public async Task Without_a_command_the_help_is_shown_and_the_exit_code_is_2()
    {
        var run = await Command.Ganymede(_folder.Path);

        Assert.Equal(2, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Contains("generate", run.Error, StringComparison.Ordinal);
    }
}
