using Ganymede.Collectives;
using Ganymede.Datasets;
using Ganymede.GpuNode;
using Ganymede.Messages;

namespace Ganymede.Tests;

/// <summary>A node's packed data sets, fetched over real sockets.</summary>
public sealed class PackCacheTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ganymede-packs-").FullName;
    private readonly DataPlane _server = DataPlane.Listen(new DataPlaneOptions { Name = "coordinator" });
    private readonly DataPlane _client = DataPlane.Listen(new DataPlaneOptions { Name = "node" });

    [Fact]
    public void A_pack_is_fetched_once_and_then_taken_from_the_cache()
    {
        var location = Serve();
        var cache = new PackCache(Path.Combine(_folder, "cache"), _client);

        var first = cache.Load(location, CancellationToken.None);
        _server.Unserve(location.Sha256);
        var second = cache.Load(location, CancellationToken.None);

        Assert.False(first.WasCached);
        Assert.True(second.WasCached);
        Assert.Equal(first.Pack.Pixels, second.Pack.Pixels);
    }

    [Fact]
    public void A_copy_gone_bad_is_fetched_again()
    {
        var location = Serve();
        var cache = new PackCache(Path.Combine(_folder, "cache"), _client);
        cache.Load(location, CancellationToken.None);
        var copy = Path.Combine(_folder, "cache", "packs", $"{location.Sha256}.pack");
        var bytes = File.ReadAllBytes(copy);
        bytes[^1] ^= 1;
        File.WriteAllBytes(copy, bytes);

        Assert.False(cache.Load(location, CancellationToken.None).WasCached);
        Assert.True(cache.Load(location, CancellationToken.None).WasCached);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _client.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private PackLocation Serve()
    {
        var path = Path.Combine(_folder, "data.pack");
        var sha256 = PackFile.Write(path, new ImagePack(1, 2, 2, ["a", "b"], [0, 1], [1, 2, 3, 4, 5, 6, 7, 8]));
        _server.Serve(sha256, path);
        return new PackLocation("127.0.0.1", _server.Port, sha256, new FileInfo(path).Length);
    }
}
