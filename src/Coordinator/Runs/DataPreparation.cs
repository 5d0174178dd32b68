using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>Reads the data set once, packs it into the run's folder and serves it to the members by its hash.</summary>
public static class DataPreparation
{
    /// <summary>The pack is served.</summary>
    /// <param name="ViewsBefore"><see cref="RunRecord.ViewsBefore"/>.</param>
    public sealed record Packed(DataSummary Summary, string Sha256, long Bytes, long ViewsBefore);

    /// <summary>It cannot be; <see cref="BadInput"/> when the user's files are at fault.</summary>
    public sealed record NotPacked(string Reason, bool BadInput);

    /// <summary>Where the packed data lie.</summary>
    public static string PackPath(RunRequest request) => Path.Combine(request.Folder, "data.pack");

    /// <summary>Blocking; call it off the mailbox. Returns <see cref="Packed"/> or <see cref="NotPacked"/>, never throws for a file's sake.</summary>
    public static object Run(RunId run, RunRequest request, PackServer packs, EventLog events, CancellationToken cancel)
    {
        try
        {
            var source = DataSource.Resolve(request.Data);
            var result = source.Read(new PackSettings(request.Size, request.Channels, request.SkipUnreadable), cancel);
            Directory.CreateDirectory(request.Folder);
            events.MirrorTo(Path.Combine(request.Folder, "events.jsonl"));
            var path = PackPath(request);
            var sha256 = PackFile.Write(path, result.Pack);
            packs.Serve(sha256, path);

            var counts = result.Pack.ClassCounts;
            var summary = new DataSummary(
                source.Name, result.Pack.Count, request.Size, request.Channels, sha256,
                [.. result.Pack.Classes.Select((name, index) => new ClassCount(name, counts[index]))],
                [.. result.Unreadable.Select(file => $"{file.Path}: {file.Reason}")]);
            var bytes = new FileInfo(path).Length;
            var viewsBefore = request.Resume && RunRecord.Read(request.Folder) is { } before ? Math.Max(before.View, before.ViewsBefore) : 0;
            new RunRecord(run.Value, request, sha256, bytes) { ViewsBefore = viewsBefore }.Write();
            return new Packed(summary, sha256, bytes, viewsBefore);
        }
        catch (BadDataException error)
        {
            return new NotPacked(error.Message, BadInput: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new NotPacked($"The data set cannot be packed into {request.Folder}: {error.Message}", BadInput: false);
        }
    }
}
