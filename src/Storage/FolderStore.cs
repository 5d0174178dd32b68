using System.Globalization;

namespace Ganymede.Storage;

/// <summary>
/// A labelled image set in a folder: <c>class/000012.png</c> and <c>metadata.jsonl</c>, one JSON object a line in the
/// order of the job. Several processes may write units of one job into it at once, in any order and the same unit twice;
/// the finished set has the same bytes. A unit counts once its part of the metadata is in place, which is moved there
/// last; until <see cref="Finish"/> the parts are in <c>.parts</c>, files being written in <c>.staging</c>.
/// </summary>
public sealed class FolderStore
{
    /// <summary>The set's list of images.</summary>
    public const string MetadataFile = "metadata.jsonl";

    private readonly string _root, _jobKey, _parts, _staging;

    /// <summary>Opens the folder for a job, and claims it if it is empty or missing.</summary>
    /// <param name="root">The set's folder.</param>
    /// <param name="jobKey">All that determines the images (checkpoint, seed, count, classes); another key, another job.</param>
    /// <exception cref="StorageException">The folder holds something else, or cannot be written.</exception>
    public FolderStore(string root, string jobKey)
    {
        _root = Path.GetFullPath(root);
        _jobKey = jobKey;
        _parts = Path.Combine(_root, ".parts");
        _staging = Path.Combine(_root, ".staging");
        Guard("create", _root, () => Directory.CreateDirectory(_root));
        Claim();
    }

    /// <summary>Stores a unit whole. If it is there already, nothing changes.</summary>
    /// <param name="unit">The unit's number in the job, from 0.</param>
    /// <param name="images">The unit's images, each index once.</param>
    /// <exception cref="StorageException">Disk full, no permission, a class that cannot be a folder; the unit does not count then.</exception>
    public void WriteUnit(long unit, IReadOnlyList<LabelledImage> images)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(unit);
        foreach (var image in images)
        {
            image.Check();
        }

        if (images.DistinctBy(image => image.Index).Count() != images.Count)
        {
            throw new StorageException($"Cannot store unit {unit} in {_root}: an index comes twice.");
        }

        if (JobFile.Read(_root)?.Units <= unit)
        {
            throw new StorageException($"Cannot store unit {unit} in {_root}: the set is finished without it.");
        }

        if (IsCommitted(unit))
        {
            return;
        }

        var staged = Path.Combine(_staging, $"{unit.ToString(CultureInfo.InvariantCulture)}-{Guid.NewGuid():N}");
        try
        {
            Stage(staged, images);
            Publish(unit, staged, images);
        }
        catch (Exception e) when (StorageException.IsExpected(e))
        {
            // Another process may have stored this unit and finished the job meanwhile, and swept the staging away.
            if (!IsCommitted(unit))
            {
                throw StorageException.For($"store unit {unit} in", _root, e);
            }
        }
        finally
        {
            Quietly(() => Directory.Delete(staged, recursive: true));
            if (IsFinished)
            {
                Sweep(); // Finish swept before this late writer made the folders anew
            }
        }
    }

    /// <summary>Units that need not be written again.</summary>
    /// <exception cref="StorageException">The folder cannot be read.</exception>
    public IReadOnlySet<long> CommittedUnits()
    {
        if (JobFile.Read(_root)?.Units is { } units)
        {
            var all = new HashSet<long>();
            for (var unit = 0L; unit < units; unit++)
            {
                all.Add(unit);
            }

            return all;
        }

        return Guard("read", _parts, () => Directory.Exists(_parts)
            ? Directory.EnumerateFiles(_parts, "*.jsonl").Select(UnitOf).OfType<long>().ToHashSet()
            : []);
    }

    /// <summary>Makes the set whole: joins the parts to metadata.jsonl in the order of units, and removes what only the writing needed.</summary>
    /// <param name="unitCount">Units of the job; all must be committed.</param>
    /// <exception cref="StorageException">Units are missing or too many, or the disk does not take it; the parts stay then.</exception>
    public void Finish(long unitCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(unitCount);
        var committed = CommittedUnits();
        for (var unit = 0L; unit < unitCount; unit++)
        {
            if (!committed.Contains(unit))
            {
                throw new StorageException($"Cannot finish {_root}: unit {unit} of {unitCount} is missing ({committed.Count} are stored).");
            }
        }

        if (committed.Count != unitCount)
        {
            throw new StorageException($"Cannot finish {_root}: it holds {committed.Count} units, not {unitCount}.");
        }

        if (!IsFinished)
        {
            Guard("finish", _root, () =>
            {
                JoinParts(unitCount);
                new JobFile(_jobKey, unitCount).Write(_root, overwrite: true);
            });
        }

        Sweep();
    }

    private bool IsFinished => JobFile.Read(_root)?.Units is not null;

    /// <summary>Whether the unit need not be written again.</summary>
    public bool IsCommitted(long unit) => File.Exists(PartOf(unit)) || JobFile.Read(_root)?.Units > unit;

    private string PartOf(long unit) => Path.Combine(_parts, unit.ToString("D12", CultureInfo.InvariantCulture) + ".jsonl");

    private static long? UnitOf(string part) =>
        long.TryParse(Path.GetFileNameWithoutExtension(part), NumberStyles.None, CultureInfo.InvariantCulture, out var unit) ? unit : null;

    private void Sweep()
    {
        Quietly(() => Directory.Delete(_parts, recursive: true));
        Quietly(() => Directory.Delete(_staging, recursive: true));
    }

    // Whoever claims the folder writes the job file before anything visible, so visible things without one are not ours.
    private void Claim()
    {
        if (JobFile.Read(_root) is null)
        {
            var foreign = Guard("read", _root, () =>
                Directory.EnumerateFileSystemEntries(_root).Select(path => Path.GetFileName(path)).FirstOrDefault(name => name[0] != '.'));
            if (foreign is not null && JobFile.Read(_root) is null)
            {
                throw new StorageException(
                    $"Cannot write into {_root}: it is not empty (it holds '{foreign}') and no job of ours began it; "
                    + "choose an empty folder.");
            }

            try
            {
                new JobFile(_jobKey).Write(_root, overwrite: false);
            }
            catch (Exception e) when (StorageException.IsExpected(e))
            {
                if (JobFile.Read(_root) is null) // else another process of some job was faster
                {
                    throw StorageException.For("write into", _root, e);
                }
            }
        }

        var job = JobFile.Read(_root);
        if (job?.Job != _jobKey)
        {
            throw new StorageException(
                $"Cannot write into {_root}: it holds images of another job ({job?.Job}), not of {_jobKey}; choose another folder.");
        }
    }

    private static void Stage(string staged, IReadOnlyList<LabelledImage> images)
    {
        Directory.CreateDirectory(staged);
        using var metadata = File.Create(Path.Combine(staged, MetadataFile));
        foreach (var image in images.OrderBy(image => image.Index))
        {
            File.WriteAllBytes(Path.Combine(staged, Path.GetFileName(image.File)), image.Png);
            metadata.Write(image.MetadataLine());
        }

        metadata.Flush(flushToDisk: true);

        // The metadata, moved into place last, say that the images are there; after a power cut as well. All are written before the first is waited for,
        // so that the disk has something to put together.
        foreach (var image in images)
        {
            using var written = File.OpenHandle(Path.Combine(staged, Path.GetFileName(image.File)), FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(written);
        }
    }

    // A second writer of the unit moves the same bytes to the same places, so it does not matter who comes last.
    private void Publish(long unit, string staged, IReadOnlyList<LabelledImage> images)
    {
        foreach (var name in images.Select(image => image.Class).Distinct())
        {
            Directory.CreateDirectory(Path.Combine(_root, name));
        }

        Directory.CreateDirectory(_parts);
        foreach (var image in images)
        {
            File.Move(Path.Combine(staged, Path.GetFileName(image.File)), Path.Combine(_root, image.File), overwrite: true);
        }

        File.Move(Path.Combine(staged, MetadataFile), PartOf(unit), overwrite: true);
    }

    private void JoinParts(long unitCount)
    {
        Directory.CreateDirectory(_staging);
        var whole = Path.Combine(_staging, $"{MetadataFile}-{Guid.NewGuid():N}");
        using (var metadata = File.Create(whole))
        {
            for (var unit = 0L; unit < unitCount; unit++)
            {
                using var part = File.OpenRead(PartOf(unit));
                part.CopyTo(metadata);
            }

            metadata.Flush(flushToDisk: true);
        }

        File.Move(whole, Path.Combine(_root, MetadataFile), overwrite: true);
    }

    private static void Guard(string action, string path, Action work) => Guard(action, path, () =>
    {
        work();
        return true;
    });

    private static T Guard<T>(string action, string path, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (StorageException.IsExpected(e))
        {
            throw StorageException.For(action, path, e);
        }
    }

    // Sweeping up: what stays behind is hidden and harmless, and a first error says more than this one would.
    private static void Quietly(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (StorageException.IsExpected(e))
        {
        }
    }
}
