using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ganymede.Datasets;

namespace Ganymede.Training.Metrics;

/// <summary>
/// Trained probes by what they were trained on and how, <c>probes/(key).safetensors</c> in the user's cache: the second evaluation on the same data
/// needs no training, and gives the same figures. A file that cannot be used is made again; one that cannot be written is done without.
/// </summary>
public static class ProbeCache
{
    /// <summary>Another one whenever the network or its training changes.</summary>
    private const int Version = 2;
    private const long LargestFile = 256 << 20;

    /// <summary><c>ganymede</c> in <c>$XDG_CACHE_HOME</c> or <c>~/.cache</c>; null where there is neither.</summary>
    public static string? DefaultFolder => PatchedCopy.UserCacheFolder() is { } cache ? Path.Combine(cache, "ganymede", "probes") : null;

    /// <param name="images">What it is, or was, trained on.</param>
    /// <param name="folder">Null keeps nothing.</param>
    /// <param name="wasThere">True when it was not trained now.</param>
    public static ImageClassifier LoadOrTrain(
        ImagePack images, ClassifierSettings settings, string? folder, Action<int>? progress, CancellationToken cancel, out bool wasThere)
    {
        var path = folder is null ? null : Path.Combine(folder, KeyOf(images, settings) + ".safetensors");
        if (path is not null && TryLoad(path, images, settings) is { } found)
        {
            wasThere = true;
            return found;
        }

        wasThere = false;
        var probe = ImageClassifier.Train(images, settings, progress, cancel);
        if (path is not null)
            Save(path, probe);
        return probe;
    }

    private static string KeyOf(ImagePack images, ClassifierSettings settings)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"{Version} {settings} {images.Channels} {images.Height} {images.Width} {images.Classes.Count} {images.Count}\n")));
        hash.AppendData(images.Background);
        hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(images.Labels.AsSpan()));
        hash.AppendData(images.Pixels);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static ImageClassifier? TryLoad(string path, ImagePack images, ClassifierSettings settings)
    {
        try
        {
            if (!File.Exists(path) || new FileInfo(path).Length > LargestFile)
                return null;
            var saved = Safetensors.Read(File.ReadAllBytes(path), path);
            var probe = new ImageClassifier(images.Channels, images.Height, images.Classes.Count, settings);
            foreach (var (tensor, target) in Replica.Pairs(probe.Network, saved, "probe"))
                TensorBytes.Restore(tensor, target);
            return probe;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CheckpointException)
        {
            return null;
        }
    }

    private static void Save(string path, ImageClassifier probe)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using (var file = File.Create(temporary))
                foreach (var part in Safetensors.Write(probe.Network.state_dict().Select(entry => TensorBytes.Capture(entry.Key, entry.Value))))
                    file.Write(part.Span);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary); // the next evaluation trains it again
        }
    }
}
