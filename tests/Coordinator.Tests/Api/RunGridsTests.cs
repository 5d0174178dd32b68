using Ganymede.Coordinator.Api;

namespace Ganymede.Tests.Api;

public sealed class RunGridsTests : IDisposable
{
    private static readonly byte[] Png = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3];
    private readonly string _folder = Directory.CreateTempSubdirectory("ganymede-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Lists_and_reads_the_grids_of_a_run()
    {
        Write("step-00000000.png", Png);
        Write("step-00000250.png", Png);
        Write("step-123456789.png", Png); // more digits than eight
        Write("step-250.png", Png);
        Write("step-00000x00.png", Png);
        Write("step-00000300.png.gpu-node-1.tmp", Png);

        Assert.Equal([0, 250, 123456789], RunGrids.Steps(_folder));
        Assert.Equal(Png, RunGrids.Read(_folder, 250));
        Assert.Null(RunGrids.Read(_folder, 300));
        Assert.Null(RunGrids.Read(_folder, -1));
    }

    [Fact]
    public void Hands_out_nothing_but_plain_PNG_files_of_that_folder()
    {
        var secret = Path.Combine(_folder, "secret.png");
        File.WriteAllBytes(secret, Png);
        Directory.CreateDirectory(Path.Combine(_folder, "grids"));
        File.CreateSymbolicLink(Path.Combine(_folder, "grids", "step-00000001.png"), secret);
        Write("step-00000002.png", [.. "-----BEGIN PRIVATE KEY-----"u8]);

        Assert.Equal([2], RunGrids.Steps(_folder));
        Assert.Null(RunGrids.Read(_folder, 1));
        Assert.Null(RunGrids.Read(_folder, 2));
    }

    [Fact]
    public void A_folder_of_grids_that_leads_elsewhere_is_not_followed()
    {
        var elsewhere = Directory.CreateTempSubdirectory("ganymede-").FullName;
        File.WriteAllBytes(Path.Combine(elsewhere, "step-00000001.png"), Png);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "grids"), elsewhere);

        Assert.Null(RunGrids.Read(_folder, 1));
        Directory.Delete(elsewhere, recursive: true);
    }

    [Fact]
    public void A_run_that_has_drawn_none_has_none() => Assert.Empty(RunGrids.Steps(Path.Combine(_folder, "absent")));

    private void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "grids"));
        File.WriteAllBytes(Path.Combine(_folder, "grids", name), bytes);
    }
}
