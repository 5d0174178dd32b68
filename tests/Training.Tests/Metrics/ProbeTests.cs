using Ganymede.Datasets;
using Ganymede.Training.Metrics;

namespace Ganymede.Tests.Metrics;

/// <summary>The probe on real garments, small and briefly trained.</summary>
public sealed class ProbeTests(ProbeTests.Trained trained) : IClassFixture<ProbeTests.Trained>
{
    private static readonly ClassifierSettings _settings = new(Updates: 120, Seed: 3, Threads: 1);

    public sealed class Trained : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Trained()
        {
            var all = Packs.Shuffled(DataSource.Resolve("fashion-mnist").Read(new PackSettings(16, 1, SkipUnreadable: false), CancellationToken.None).Pack, seed: 1);
            (Fit, Unseen) = (Packs.Take(all, Enumerable.Range(0, 1200)), Packs.Take(all, Enumerable.Range(1200, 800)));
            Probe = ProbeCache.LoadOrTrain(Fit, _settings, Folder, progress: null, CancellationToken.None, out var wasThere);
            Assert.False(wasThere);
        }

        internal ImagePack Fit { get; }
        internal ImagePack Unseen { get; }
        internal ImageClassifier Probe { get; }
        internal string Folder => _folder.Path;

        public void Dispose()
        {
            Probe.Dispose();
            _folder.Dispose();
        }
    }

    [Fact]
    public void Learns_the_classes_and_its_features_tell_real_images_from_noise()
    {
        Assert.InRange(trained.Probe.Accuracy(trained.Unseen), 0.6, 1);
        var (a, b) = (Packs.Take(trained.Unseen, Enumerable.Range(0, 400)), Packs.Take(trained.Unseen, Enumerable.Range(400, 400)));
        var (real, other, noise) = (trained.Probe.Read(a), trained.Probe.Read(b), trained.Probe.Read(Packs.Noise(b, seed: 1)));

        Assert.True(FrechetDistance.Between(real.Features, noise.Features) > 10 * FrechetDistance.Between(real.Features, other.Features));
        Assert.True(Manifold.Compare(real.Features, other.Features).Coverage > 0.8);
        Assert.True(Manifold.Compare(real.Features, noise.Features).Coverage < 0.2);
    }

    [Fact]
    public void The_kept_probe_and_a_newly_trained_one_give_the_same_bits_and_a_damaged_file_is_made_again()
    {
        using var kept = Load(out var wasThere);
        Assert.True(wasThere);
        var file = Assert.Single(Directory.GetFiles(trained.Folder));
        using (var stream = File.OpenWrite(file))
            stream.SetLength(stream.Length / 2);
        using var again = Load(out wasThere);
        Assert.False(wasThere);

        var expected = trained.Probe.Read(trained.Unseen);
        foreach (var (name, probe) in new[] { ("kept", kept), ("trained again", again) })
        {
            var features = probe.Read(trained.Unseen).Features;
            Assert.All(Enumerable.Range(0, features.Rows), row =>
                Assert.True(features.Row(row).SequenceEqual(expected.Features.Row(row)), $"{name}, image {row}: {features.Row(row)[0]:R}, not {expected.Features.Row(row)[0]:R}"));
        }
    }

    [Fact]
    public void A_quick_check_sees_classes_that_have_become_one_image_each()
    {
        var check = new QualityCheck(trained.Probe, trained.Unseen, conditional: true, images: 300);
        int[] Of(int label) => [.. Enumerable.Range(0, trained.Fit.Count).Where(image => trained.Fit.Labels[image] == label)];
        var next = new int[trained.Fit.Classes.Count];
        var varied = check.Measure(Packs.Take(trained.Fit, check.Labels.Select(label => Of(label)[next[label]++]).ToArray()));
        var collapsed = check.Measure(Packs.Take(trained.Fit, check.Labels.Select(label => Of(label)[0])));

        Assert.InRange(varied.Diversity, 0.8, 1.2);
        Assert.True(varied.LabelAgreement > 0.6);
        Assert.Equal(1, varied.ClassShares.Sum(), 9);
        Assert.InRange(collapsed.Diversity, 0, 0.05);
        Assert.True(collapsed.Manifold.Coverage < 0.5 * varied.Manifold.Coverage);
        Assert.True(collapsed.Kid.Value > varied.Kid.Value + 3 * varied.Kid.StandardError);
    }

    private ImageClassifier Load(out bool wasThere) => ProbeCache.LoadOrTrain(trained.Fit, _settings, trained.Folder, progress: null, CancellationToken.None, out wasThere);
}
