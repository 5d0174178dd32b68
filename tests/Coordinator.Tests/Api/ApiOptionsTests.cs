using Ganymede.Coordinator.Api;
using Microsoft.Extensions.Options;

namespace Ganymede.Tests.Api;

public sealed class ApiOptionsTests : IDisposable
{
    private const string Key = "0123456789abcdef";
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("192.0.2.1")]
    public void Beyond_loopback_there_must_be_a_key_or_a_word_that_none_is_wanted(string host)
    {
        Assert.Contains("there is no API key", Failure(new ApiOptions { Host = host }), StringComparison.Ordinal);
        Assert.Null(Failure(new ApiOptions { Host = host, ApiKey = Key }));
        Assert.Null(Failure(new ApiOptions { Host = host, AllowAnonymous = true }));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.1.2.3")]
    [InlineData("::1")]
    public void On_loopback_none_is_needed(string host) => Assert.Null(Failure(new ApiOptions { Host = host }));

    [Theory]
    [InlineData("short", "5 characters; 16 to 1024")]
    [InlineData("with a space in the middle", "printable ASCII")]
    [InlineData("schlüsselschlüssel", "printable ASCII")]
    public void A_key_that_will_not_do_is_refused_and_not_repeated(string key, string expected)
    {
        var failure = Failure(new ApiOptions { ApiKey = key });

        Assert.StartsWith("Http:ApiKey: ", failure, StringComparison.Ordinal);
        Assert.Contains(expected, failure, StringComparison.Ordinal);
        Assert.DoesNotContain(key, failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_file_is_read_without_its_line_end()
    {
        File.WriteAllText(_file, Key + "\n");

        var key = ApiKey.Load(new ApiOptions { ApiKeyFile = _file }, out var problem);

        Assert.Null(problem);
        Assert.True(key!.Is(Key));
        Assert.False(key.Is(Key + "\n"));
        Assert.False(key.Is(""));
    }

    [Fact]
    public void An_empty_absent_or_doubled_key_file_is_named()
    {
        Assert.Contains($"Http:ApiKeyFile: {_file}: 0 characters", Failure(new ApiOptions { ApiKeyFile = _file }), StringComparison.Ordinal);
        Assert.Contains("Http:ApiKeyFile: /nowhere/key: ", Failure(new ApiOptions { ApiKeyFile = "/nowhere/key" }), StringComparison.Ordinal);
        Assert.Contains("both are given", Failure(new ApiOptions { ApiKeyFile = _file, ApiKey = Key }), StringComparison.Ordinal);
        Assert.Contains("1024", Failure(new ApiOptions { ApiKeyFile = "/dev/zero" }), StringComparison.Ordinal);
    }

    private static string? Failure(ApiOptions options) =>
        new ApiOptionsValidator().Validate(null, options) is { Failed: true } failed ? failed.FailureMessage : null;
}
