using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Ganymede.Training;

/// <summary>
/// Checkpoints of a run: <c>checkpoints/step-00000010/{generator,discriminator,ema,optimizer}.safetensors</c>, <c>manifest.json</c>
/// with the hash of each, and <c>manifest.sha256</c> with the hash of that (<c>sha256sum -c</c> reads it). A folder of that name is
/// whole: it is written under another name, flushed and renamed. What is read is not trusted until every hash has matched.
/// </summary>
public static partial class CheckpointFolder
{
    private const string ManifestHashName = "manifest.sha256", Extension = ".safetensors", TemporaryPrefix = ".writing-";
    private const int LongestManifest = 16 << 20;

    private static readonly string[] Parts = ["generator", "discriminator", "ema", "optimizer"];

    /// <summary>Writes a checkpoint; one of the same step is replaced. A failure leaves everything as it was.</summary>
    /// <returns>The path of its folder.</returns>
    /// <exception cref="CheckpointException">Disk full, no permission: names the path.</exception>
    public static string Write(string runFolder, ReplicaState state, CheckpointInfo info)
    {
        var checkpoints = Path.Combine(runFolder, "checkpoints");
        var folder = FolderOf(runFolder, info.Step);
        var temporary = Path.Combine(checkpoints, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(temporary);
            var files = Parts.Zip(state.Parts, (part, content) => WritePart(temporary, part + Extension, content)).ToList();
            var manifest = new CheckpointManifest(info, files).ToJson();
            DurableFiles.Write(Path.Combine(temporary, CheckpointManifest.FileName), [manifest]);
            DurableFiles.Write(Path.Combine(temporary, ManifestHashName), [ManifestHashLine(manifest)]);
            DurableFiles.FlushFolder(temporary);
            Publish(temporary, folder);
            DurableFiles.FlushFolder(checkpoints);
            return folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"checkpoint {folder} cannot be written: {error.Message}", error);
        }
        finally
        {
            RemoveIfThere(temporary);
        }
    }

    /// <summary>Reads a checkpoint and checks all of it.</summary>
    /// <exception cref="CheckpointException">Something is missing, altered or malformed: names the file.</exception>
    public static Checkpoint Read(string folder)
    {
        var manifestPath = Path.Combine(folder, CheckpointManifest.FileName);
        var json = ReadFile(manifestPath, LongestManifest);
        var line = ReadFile(Path.Combine(folder, ManifestHashName), LongestManifest);
        if (!line.AsSpan().SequenceEqual(ManifestHashLine(json)))
            throw new CheckpointException($"{manifestPath} does not match {ManifestHashName}: one of them was altered");

        var manifest = CheckpointManifest.Parse(json, manifestPath);
        if (!manifest.Files.Select(file => file.Name).SequenceEqual(Parts.Select(part => part + Extension)))
            throw new CheckpointException(
                $"{manifestPath} does not list exactly {string.Join(", ", Parts.Select(part => part + Extension))}");
        if (Step(folder) is { } step && step != manifest.Info.Step)
            throw new CheckpointException($"{manifestPath} is of step {manifest.Info.Step}");

        var contents = manifest.Files.Select(file => Verified(Path.Combine(folder, file.Name), file)).ToList();
        var tensors = manifest.Files.Zip(contents, (file, content) => Safetensors.Read(content, Path.Combine(folder, file.Name))).ToList();
        return new Checkpoint(folder, manifest.Info, ReplicaState.Of(tensors));
    }

    /// <summary>The newest checkpoint of a run that is whole, and why newer ones are not.</summary>
    /// <exception cref="CheckpointException">The run's folder cannot be listed.</exception>
    public static NewestCheckpoint Newest(string runFolder)
    {
        var skipped = new List<SkippedCheckpoint>();
        foreach (var folder in Folders(Path.Combine(runFolder, "checkpoints")).OrderByDescending(folder => Step(folder)))
        {
            try
            {
                return new NewestCheckpoint(Read(folder), skipped);
            }
            catch (CheckpointException error)
            {
                skipped.Add(new SkippedCheckpoint(folder, error.Message));
            }
        }

        return new NewestCheckpoint(null, skipped);
    }

    /// <summary>Whether a checkpoint of that step was written whole; what became of it since is seen by reading it.</summary>
    public static bool Exists(string runFolder, long step) => Directory.Exists(FolderOf(runFolder, step));

    /// <summary>
    /// Removes all but the newest <paramref name="keep"/> checkpoints. One that is damaged counts, too: whoever looks for the newest
    /// valid one has the others behind it.
    /// </summary>
    /// <exception cref="CheckpointException">The run's folder cannot be listed.</exception>
    public static void Retain(string runFolder, int keep)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        foreach (var folder in Folders(Path.Combine(runFolder, "checkpoints")).OrderByDescending(Step).Skip(keep))
        {
            // Renamed first, so that a death in between leaves no half of one under a name that is read.
            var gone = Path.Combine(Path.GetDirectoryName(folder)!, $"{TemporaryPrefix}{Guid.NewGuid():N}");
            try
            {
                Directory.Move(folder, gone);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                continue; // another lead was quicker, or it cannot be: it costs room, not the run
            }

            RemoveIfThere(gone);
        }
    }

    /// <summary>Removes what a killed writer left half done. For the start of a run, while nobody writes.</summary>
    public static void RemoveAbandoned(string runFolder)
    {
        var checkpoints = new DirectoryInfo(Path.Combine(runFolder, "checkpoints"));
        if (checkpoints.Exists)
            foreach (var folder in checkpoints.GetDirectories(TemporaryPrefix + "*"))
                RemoveIfThere(folder.FullName);
    }

    private static IEnumerable<string> Folders(string checkpoints)
    {
        try
        {
            return Directory.Exists(checkpoints)
                ? [.. Directory.GetDirectories(checkpoints).Where(folder => Step(folder) is not null)]
                : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{checkpoints} cannot be listed: {error.Message}", error);
        }
    }

    /// <summary>Steps of the run's checkpoints, ascending; what became of them since they were written is seen by reading them.</summary>
    /// <exception cref="CheckpointException">The run's folder cannot be listed.</exception>
    public static IReadOnlyList<long> Steps(string runFolder) =>
        [.. Folders(Path.Combine(runFolder, "checkpoints")).Select(folder => Step(folder)!.Value).Order()];

    /// <summary>Where the checkpoint of a step is, or would be.</summary>
    public static string FolderOf(string runFolder, long step) =>
        Path.Combine(runFolder, "checkpoints", string.Create(CultureInfo.InvariantCulture, $"step-{step:D8}"));

    private static long? Step(string folder) =>
        StepName().Match(Path.GetFileName(Path.TrimEndingDirectorySeparator(folder))) is { Success: true } match
        && long.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;

    private static CheckpointFile WritePart(string folder, string name, IReadOnlyList<NamedTensor> tensors)
    {
        var parts = Safetensors.Write(tensors).ToList();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
            hash.AppendData(part.Span);
        DurableFiles.Write(Path.Combine(folder, name), parts);
        return new CheckpointFile(name, parts.Sum(part => (long)part.Length), Convert.ToHexStringLower(hash.GetCurrentHash()));
    }

    // A folder cannot be renamed over a filled one. The old one steps aside first: between the two renames a crash
    // leaves this step without a checkpoint, and the step before it is still there.
    private static void Publish(string temporary, string folder)
    {
        if (!Directory.Exists(folder))
        {
            Directory.Move(temporary, folder);
            return;
        }

        var old = temporary + ".old";
        Directory.Move(folder, old);
        try
        {
            Directory.Move(temporary, folder);
        }
        catch
        {
            Directory.Move(old, folder);
            throw;
        }

        RemoveIfThere(old);
    }

    private static byte[] ManifestHashLine(byte[] manifest) =>
        Encoding.ASCII.GetBytes($"{Convert.ToHexStringLower(SHA256.HashData(manifest))}  {CheckpointManifest.FileName}\n");

    private static byte[] Verified(string path, CheckpointFile expected)
    {
        var content = ReadFile(path, expected.Length);
        if (content.LongLength != expected.Length)
            throw new CheckpointException($"{path} has {content.LongLength} bytes, the manifest says {expected.Length}");
        return Convert.ToHexStringLower(SHA256.HashData(content)) == expected.Sha256
            ? content
            : throw new CheckpointException($"{path} was altered: its SHA-256 is not the manifest's");
    }

    /// <summary>A file's content; one longer than <paramref name="longest"/> is not read at all.</summary>
    private static byte[] ReadFile(string path, long longest)
    {
        try
        {
            var length = new FileInfo(path).Length;
            return length <= Math.Min(longest, Array.MaxLength)
                ? File.ReadAllBytes(path)
                : throw new CheckpointException($"{path} has {length} bytes, at most {longest} were expected");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path} cannot be read: {error.Message}", error);
        }
    }

    private static void RemoveIfThere(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It carries a name that nobody reads; RemoveAbandoned tries again.
        }
    }

    [GeneratedRegex(@"^step-([0-9]{8,18})\z")]
    private static partial Regex StepName();
}
