using Ganymede.Collectives;
using Ganymede.Coordinator;

namespace Ganymede.Tests;

public sealed class PackServerTests
{
    [Fact]
    public async Task A_set_that_two_runs_have_packed_is_served_until_the_second_is_over_from_whichever_folder_is_left()
    {
        var folder = Directory.CreateTempSubdirectory("ganymede-packs-").FullName;
        await using var server = PackServer.Listen("127.0.0.1", "127.0.0.1", port: 0, _ => { });
        await using var node = DataPlane.Listen(new DataPlaneOptions { Name = "node" });
        var (key, first, second) = (new string('a', 64), Path.Combine(folder, "first"), Path.Combine(folder, "second"));
        async Task<string> Fetched()
        {
            var target = Path.Combine(folder, Guid.NewGuid().ToString("N"));
            await node.FetchAsync("127.0.0.1", server.Port, key, target, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("pack"u8)), 100);
            return await File.ReadAllTextAsync(target);
        }

        foreach (var path in new[] { first, second })
        {
            await File.WriteAllTextAsync(path, "pack");
            server.Serve(key, path);
        }

        server.Unserve(key, second);
        File.Delete(second);
        Assert.Equal("pack", await Fetched());
        server.Unserve(key, second); // once more says nothing about the first
        Assert.Equal("pack", await Fetched());
        server.Unserve(key, first);
        Assert.Contains("nothing under this key", (await Assert.ThrowsAsync<FetchException>(Fetched)).Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }
}
