using Ganymede.GpuNode;

namespace Ganymede.Tests;

public sealed class GpuNodeOptionsTests
{
    [Theory]
    [InlineData("cpu")]
    [InlineData("cpu, cpu")]
    [InlineData("cuda:0,cuda:11")]
    public void Devices_are_cpu_or_a_numbered_GPU(string devices) => Assert.True(Validate(new() { Devices = devices }).Succeeded);

    [Theory]
    [InlineData("gpu", "'gpu'")]
    [InlineData("cpu,cuda", "'cuda'")]
    [InlineData("cuda:-1", "'cuda:-1'")]
    [InlineData(",", "no device")]
    public void Anything_else_is_named(string devices, string expected) =>
        Assert.Contains(expected, Validate(new() { Devices = devices }).FailureMessage, StringComparison.Ordinal);

    [Fact]
    public void Threads_are_at_least_one() => Assert.True(Validate(new() { Threads = 0 }).Failed);

    private static Microsoft.Extensions.Options.ValidateOptionsResult Validate(GpuNodeOptions options) =>
        new GpuNodeOptionsValidator().Validate(null, options);
}
