using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Ganymede.Collectives;

namespace Ganymede.Tests;

public sealed class FetchTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fetch").FullName;
    private readonly DataPlane _server = DataPlane.Listen(new DataPlaneOptions { Name = "server" });
    private readonly DataPlane _client = DataPlane.Listen(new DataPlaneOptions { Name = "client", MaxStall = TimeSpan.FromMilliseconds(500) });

    private string Target => Path.Combine(_folder, "in", "copy");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256 * 1024)]
    [InlineData(3_000_001)]
    public async Task Content_comes_whole_and_verified(int bytes)
    {
        var (content, key) = Serve(bytes);
        var seen = 0L;
        await _client.FetchAsync("127.0.0.1", _server.Port, key, Target, new Observer(count => seen = count));
        Assert.Equal(content, await File.ReadAllBytesAsync(Target));
        Assert.Equal(bytes, seen);
        RequireNothingBut("copy");
    }

    [Fact]
    public async Task Eight_fetches_at_a_time_beside_each_other_get_the_same()
    {
        var (content, key) = Serve(1_000_000);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => _client.FetchAsync("127.0.0.1", _server.Port, key, Target + i)));
        Assert.All(Enumerable.Range(0, 8), i => Assert.Equal(content, File.ReadAllBytes(Target + i)));
    }

    [Fact]
    public async Task Content_with_another_hash_is_thrown_away()
    {
        var (_, key) = Serve(1000);
        await File.AppendAllTextAsync(Path.Combine(_folder, "content"), "x");
        await RequireFailure(key, $"whose SHA-256 is");
    }

    [Fact]
    public async Task A_key_that_is_not_served_is_named()
    {
        await RequireFailure(new string('a', 64), "nothing under this key");
        var (_, key) = Serve(10);
        _server.Unserve(key);
        await RequireFailure(key, "nothing under this key");
    }

    [Fact]
    public async Task What_cannot_be_written_here_is_not_laid_to_the_peers_charge()
    {
        var (_, key) = Serve(10);
        await File.WriteAllTextAsync(Path.GetDirectoryName(Target)!, "a file where the folder should be");
        var error = await Assert.ThrowsAsync<FetchException>(() => _client.FetchAsync("127.0.0.1", _server.Port, key, Target));
        Assert.Contains("cannot write it here", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("the peer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_over_the_limit_is_refused_before_it_is_read()
    {
        var (_, key) = Serve(5000);
        var error = await Assert.ThrowsAsync<FetchException>(() => _client.FetchAsync("127.0.0.1", _server.Port, key, Target, key, 4999));
        Assert.Contains("offers 5000 bytes where 4999 are the limit", error.Message, StringComparison.Ordinal);
        RequireNothingBut();
    }

    [Theory]
    [InlineData("cut", "middle of a frame")]
    [InlineData("stall", "did not go on within the deadline")]
    [InlineData("checksum", "checksum is wrong")]
    [InlineData("too long", "sent 2147483647 bytes at 0")]
    public async Task A_server_that_fails_half_way_leaves_no_file(string how, string said)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var done = new TaskCompletionSource();
        var serving = Task.Run(async () =>
        {
            using var socket = await listener.AcceptAsync();
            Handshake.ReceiveHello(socket, TimeSpan.FromSeconds(5));
            Handshake.Send(socket, new HelloReply(true, "", 10_000));
            var part = new byte[1000];
            var header = new FrameHeader(FrameKind.File, 0, 0, 0, 0, 0, 0, 1000, 0, PayloadChecksum.Of(part), 1000);
            switch (how)
            {
                case "checksum":
                    header = header with { Checksum = 1 };
                    break;
                case "too long":
                    header = header with { Count = int.MaxValue, PayloadBytes = int.MaxValue };
                    break;
                default:
                    part = part[..500];
                    break;
            }

            new FrameStream(socket).Send(header, part);
            if (how != "cut")
            {
                await done.Task;
            }
        });
        await RequireFailure(new string('b', 64), said, ((IPEndPoint)listener.LocalEndPoint!).Port);
        done.SetResult();
        await serving;
    }

    [Fact]
    public async Task Nobody_listening_is_said_with_host_and_port()
    {
        await RequireFailure(new string('c', 64), "cannot be reached", _server.Port, closeFirst: true);
    }

    [Fact]
    public async Task Cancelling_ends_it_at_once_and_leaves_no_file()
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        await using var patient = DataPlane.Listen(new DataPlaneOptions { MaxStall = TimeSpan.FromMinutes(5) });
        using var source = new CancellationTokenSource(50);
        var fetch = patient.FetchAsync("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port, new string('d', 64), Target, null, source.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch.WaitAsync(TimeSpan.FromSeconds(3)));
        RequireNothingBut();
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("")]
    [InlineData("UPPER")]
    [InlineData("a/b")]
    [InlineData("a.b")]
    public async Task A_key_that_could_be_a_path_is_refused_on_both_sides(string key)
    {
        Assert.Throws<ArgumentException>(() => _server.Serve(key, "/etc/hostname"));
        await Assert.ThrowsAsync<ArgumentException>(() => _client.FetchAsync("127.0.0.1", _server.Port, key, Target, new string('a', 64), 1));
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect("127.0.0.1", _server.Port);
        Handshake.Send(socket, new Hello(HelloPurpose.Fetch, "", 0, 0, "", 0, "", 0, key));
        Assert.False(Handshake.ReceiveReply(socket, TimeSpan.FromSeconds(5)).Accepted);
    }

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _client.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private (byte[] Content, string Key) Serve(int bytes)
    {
        var content = new byte[bytes];
        new Random(bytes).NextBytes(content);
        var path = Path.Combine(_folder, "content");
        File.WriteAllBytes(path, content);
        var key = Convert.ToHexStringLower(SHA256.HashData(content));
        _server.Serve(key, path);
        return (content, key);
    }

    private async Task RequireFailure(string key, string cause, int? port = null, bool closeFirst = false)
    {
        if (closeFirst)
        {
            await _server.DisposeAsync();
        }

        var error = await Assert.ThrowsAsync<FetchException>(() => _client.FetchAsync("127.0.0.1", port ?? _server.Port, key, Target));
        Assert.Contains($"cannot fetch '{key}' from 127.0.0.1:{port ?? _server.Port}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(cause, error.Message, StringComparison.Ordinal);
        RequireNothingBut();
    }

    private void RequireNothingBut(params string[] names)
    {
        var folder = Path.GetDirectoryName(Target)!;
        var found = Directory.Exists(folder) ? Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName) : [];
        Assert.Equal(names, found.Order());
    }

    private sealed class Observer(Action<long> seen) : IProgress<long>
    {
        public void Report(long value) => seen(value);
    }
}
