using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Ganymede.Training;

namespace Ganymede.Tests;

public sealed class CheckpointFolderTests : IDisposable
{
    private static readonly string[] FileNames =
        ["generator.safetensors", "discriminator.safetensors", "ema.safetensors", "optimizer.safetensors", "manifest.json", "manifest.sha256"];

    private readonly TemporaryFolder _run = new();

    public static TheoryData<string> Files => [.. FileNames];

    public void Dispose() => _run.Dispose();

    private static NamedTensor Tensor(string name, params float[] values) =>
        new(name, TensorType.F32, [values.Length], MemoryMarshal.AsBytes<float>(values).ToArray());

    private static ReplicaState State(float value = 1) => new(
        [Tensor("in.weight", value, 2), Tensor("in.bias", 3)], [Tensor("out.weight", 4, 5, value)], [Tensor("in.weight", value)],
        [Tensor("generator.exp_avg.in.weight", value), new("generator.step", TensorType.I64, [], MemoryMarshal.AsBytes<long>([10]).ToArray())]);

    private static CheckpointInfo Info(long step) => new()
    {
        Step = step,
        NextSample = step * 64,
        Preset = Preset.Load("cgan-32", ["steps=77"]),
        Seed = ulong.MaxValue - 1,
        DataSha256 = new string('a', 64),
        Classes = ["T-shirt/top", "Größe \"2\""],
        Metrics = new Dictionary<string, double> { ["loss.generator"] = 0.1, ["loss.discriminator"] = double.NaN },
        WeightsSha256 = new string('0', 64),
    };

    private string Write(long step, float value = 1) => CheckpointFolder.Write(_run.Path, State(value), Info(step));

    private static Dictionary<string, string> Hashes(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(file => file, file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));

    private static string Fault(Action read) => Assert.Throws<CheckpointException>(read).Message;

    [Fact]
    public void A_checkpoint_comes_back_as_it_was_written()
    {
        var folder = Write(10);
        Assert.Equal(Path.Combine(_run.Path, "checkpoints", "step-00000010"), folder);
        Assert.Equal(FileNames.Order(), Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order());

        var checkpoint = CheckpointFolder.Read(folder);
        var (expected, actual) = (Info(10), checkpoint.Info);
        Assert.Equal(expected with { Classes = actual.Classes, Metrics = actual.Metrics }, actual);
        Assert.Equal(expected.Classes, actual.Classes);
        Assert.Equal(expected.Metrics.OrderBy(m => m.Key), actual.Metrics.OrderBy(m => m.Key));
        Assert.Equal(expected.Preset.ToJson(), actual.Preset.ToJson());
        foreach (var (written, read) in All(State()).Zip(All(checkpoint.State)))
        {
            // Wide types come first in a file.
            var ordered = written.OrderByDescending(tensor => NamedTensor.SizeOf(tensor.Type)).ToList();
            Assert.Equal(ordered.Select(tensor => tensor.Name), read.Select(tensor => tensor.Name));
            Assert.Equal(ordered.SelectMany(tensor => tensor.Data.ToArray()), read.SelectMany(tensor => tensor.Data.ToArray()));
        }

        static IReadOnlyList<NamedTensor>[] All(ReplicaState state) => [state.Generator, state.Discriminator, state.Ema, state.Optimizer];
    }

    [Fact]
    public void Equal_states_give_equal_files()
    {
        var first = Hashes(Write(10)).Values.ToList();
        using var other = new TemporaryFolder();
        Assert.Equal(first, Hashes(CheckpointFolder.Write(other.Path, State(), Info(10))).Values);
    }

    [Theory, MemberData(nameof(Files))]
    public void A_flipped_bit_in_any_file_is_found_and_names_the_file(string name)
    {
        var folder = Write(10);
        var path = Path.Combine(folder, name);
        var good = File.ReadAllBytes(path);
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Int[0, 7]).Sample((at, bit) =>
        {
            var bad = (byte[])good.Clone();
            bad[at] ^= (byte)(1 << bit);
            File.WriteAllBytes(path, bad);
            Assert.Contains(name, Fault(() => CheckpointFolder.Read(folder)));
        }, iter: 100, threads: 1);
        File.WriteAllBytes(path, good);
        CheckpointFolder.Read(folder);
    }

    [Theory, MemberData(nameof(Files))]
    public void A_missing_short_or_long_file_is_found_and_named(string name)
    {
        var folder = Write(10);
        var path = Path.Combine(folder, name);
        var good = File.ReadAllBytes(path);
        foreach (var bad in new byte[][] { [], good[..^1], [.. good, 0] })
        {
            File.WriteAllBytes(path, bad);
            Assert.Contains(name, Fault(() => CheckpointFolder.Read(folder)));
        }

        File.Delete(path);
        Assert.Contains(name, Fault(() => CheckpointFolder.Read(folder)));
    }

    [Fact]
    public void Newest_passes_over_damaged_checkpoints_and_says_why()
    {
        Assert.Equal((null, 0), (CheckpointFolder.Newest(_run.Path).Found, CheckpointFolder.Newest(_run.Path).Skipped.Count));
        Write(10);
        var good = Write(99_999_999);
        var altered = Write(100_000_000);
        var torn = Write(100_000_001);
        Directory.CreateDirectory(Path.Combine(_run.Path, "checkpoints", "step-latest"));
        File.WriteAllText(Path.Combine(altered, "ema.safetensors"), "something else");
        File.Delete(Path.Combine(torn, "manifest.json"));

        var newest = CheckpointFolder.Newest(_run.Path);
        Assert.Equal(good, newest.Found?.Folder);
        Assert.Equal([torn, altered], newest.Skipped.Select(skipped => skipped.Folder));
        Assert.Contains("manifest.json cannot be read", newest.Skipped[0].Reason);
        Assert.Contains("ema.safetensors has 14 bytes", newest.Skipped[1].Reason);
    }

    [Fact]
    public void A_checkpoint_under_another_steps_name_is_refused()
    {
        var folder = Write(10);
        var renamed = Path.Combine(_run.Path, "checkpoints", "step-00000011");
        Directory.Move(folder, renamed);
        Assert.Contains("manifest.json is of step 10", Fault(() => CheckpointFolder.Read(renamed)));
    }

    [Fact]
    public void Writing_a_step_again_replaces_it_whole()
    {
        Write(10, value: 1);
        var folder = Write(10, value: 2);
        Assert.Equal(2f, MemoryMarshal.Read<float>(CheckpointFolder.Read(folder).State.Ema[0].Data.Span));
        Assert.Equal([folder], Directory.GetFileSystemEntries(Path.Combine(_run.Path, "checkpoints")));
    }

    [Fact]
    public void What_a_killed_writer_left_is_ignored_and_can_be_removed()
    {
        var good = Write(10);
        var abandoned = Path.Combine(_run.Path, "checkpoints", ".writing-0123");
        Directory.CreateDirectory(abandoned);
        File.Copy(Path.Combine(good, "ema.safetensors"), Path.Combine(abandoned, "ema.safetensors"));

        var newest = CheckpointFolder.Newest(_run.Path);
        Assert.Equal((good, 0), (newest.Found?.Folder, newest.Skipped.Count));
        CheckpointFolder.RemoveAbandoned(_run.Path);
        Assert.Equal([good], Directory.GetDirectories(Path.Combine(_run.Path, "checkpoints")));
    }

    [Theory]
    [InlineData("../generator.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("ema.safetensors")]
    [InlineData("")]
    public void File_names_in_a_manifest_lead_nowhere_else(string name)
    {
        var folder = Write(10);
        File.WriteAllText(Path.Combine(_run.Path, "checkpoints", "generator.safetensors"), "bait");
        Forge(folder, text => text.Replace("\"generator.safetensors\"", $"\"{name}\""));
        Assert.Contains("manifest.json does not list exactly generator.safetensors", Fault(() => CheckpointFolder.Read(folder)));
    }

    [Theory]
    [InlineData("\"formatVersion\": 1", "\"formatVersion\": 2", "format version 2 is unknown")]
    [InlineData("\"step\": 10", "\"step\": -10", "step is negative")]
    [InlineData("\"nextSample\": 640,", "", "nextSample")]
    [InlineData("\"seed\": 18446744073709551614", "\"seed\": 18446744073709551616", "seed")]
    [InlineData("\"T-shirt/top\"", "null", "a class has no name")]
    [InlineData("\"batch\": 64", "\"batch\": 65", "batch 65 is not divisible by shards 4")]
    [InlineData("\"batch\": 64", "\"bacth\": 64", "key bacth is unknown")]
    [InlineData("\"length\": ", "\"length\": -", "impossible length")]
    [InlineData("\"step\": 10,", "\"step\": 10, \"step\": 11,", "step")]
    public void A_forged_manifest_is_refused_with_its_fault(string original, string forged, string fault)
    {
        var folder = Write(10);
        Forge(folder, text => text.Contains(original) ? text.Replace(original, forged) : throw new ArgumentException(text));
        var message = Fault(() => CheckpointFolder.Read(folder));
        Assert.Contains("manifest.json is not a usable manifest", message);
        Assert.Contains(fault, message);
        Assert.DoesNotContain('\n', message);
    }

    /// <summary>Changes the manifest and its hash with it, as whoever has the folder can.</summary>
    private static void Forge(string folder, Func<string, string> change)
    {
        var path = Path.Combine(folder, "manifest.json");
        var text = change(File.ReadAllText(path));
        File.WriteAllText(path, text);
        File.WriteAllText(Path.Combine(folder, "manifest.sha256"),
            $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}  manifest.json\n");
    }

    [Fact]
    public void Two_thousand_random_corruptions_of_a_manifest_are_refused_as_damaged_or_still_usable()
    {
        var good = File.ReadAllBytes(Path.Combine(Write(10), "manifest.json"));
        var refused = 0;
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 40], Gen.Bool).Sample((at, value, length, cut) =>
        {
            byte[] bad = cut ? [.. good[..at], .. good[Math.Min(good.Length, at + length)..]] : [.. good];
            if (!cut)
                bad[at] = value;
            try
            {
                var manifest = CheckpointManifest.Parse(bad, "manifest.json");
                Assert.Equal(manifest.Info.Preset, CheckpointManifest.Parse(manifest.ToJson(), "").Info.Preset);
            }
            catch (CheckpointException)
            {
                Interlocked.Increment(ref refused);
            }
        }, iter: 2_000);
        Assert.InRange(refused, 500, 2_000);
    }

    [Fact]
    public void Two_thousand_random_corruptions_of_a_whole_checkpoint_are_all_refused()
    {
        var folder = Write(10);
        Gen.Select(Gen.Int[0, FileNames.Length - 1], Gen.Int[0, 1_000_000], Gen.Byte[1, 255], Gen.Int[0, 20]).Sample((file, place, change, cut) =>
        {
            var path = Path.Combine(folder, FileNames[file]);
            var good = File.ReadAllBytes(path);
            var at = place % good.Length;
            byte[] bad = [.. good[..at], (byte)(good[at] ^ change), .. good[Math.Min(good.Length, at + 1 + cut)..]];
            File.WriteAllBytes(path, bad);
            Assert.Contains(FileNames[file], Fault(() => CheckpointFolder.Read(folder)));
            File.WriteAllBytes(path, good);
        }, iter: 2_000, threads: 1);
        CheckpointFolder.Read(folder);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_named()
    {
        // Not a matter of permissions, so that it holds for root too.
        Assert.Contains("/proc/ganymede", Fault(() => CheckpointFolder.Write("/proc/ganymede", State(), Info(1))));

        File.WriteAllText(_run.File("checkpoints"), "a file where the folder should be");
        Assert.Contains(_run.File("checkpoints"), Fault(() => Write(1)));
        Assert.Equal("a file where the folder should be", File.ReadAllText(_run.File("checkpoints")));
    }

    [Fact]
    public void A_full_disk_damages_nothing_and_leaves_nothing_half_done()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Shell("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", _run.Path),
            "needs the right to mount a small file system");
        try
        {
            var good = Write(10);
            var before = Hashes(_run.Path);
            var large = State() with { Ema = [Tensor("in.weight", new float[100_000])] };
            var fault = Fault(() => CheckpointFolder.Write(_run.Path, large, Info(11)));
            Assert.Contains("step-00000011 cannot be written", fault);
            Assert.Contains("space", fault, StringComparison.OrdinalIgnoreCase);
            Fault(() => CheckpointFolder.Write(_run.Path, large, Info(10)));

            Assert.Equal(before, Hashes(_run.Path));
            Assert.Equal([good], Directory.GetFileSystemEntries(Path.Combine(_run.Path, "checkpoints")));
            Assert.Equal(good, CheckpointFolder.Newest(_run.Path).Found?.Folder);
        }
        finally
        {
            Assert.True(Shell("umount", _run.Path));
        }
    }

    private static bool Shell(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
